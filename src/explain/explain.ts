/** Judges bytes as the gateway would, and keeps the place of every signal in them. Pure. */
import { evidenceLimit } from '../events/probe-event.ts';
import { redact } from '../events/redact.ts';
import { denied, judge, judgeFirstBytes, type Signal, type Verdict } from '../judge.ts';
import { classifyIntent, type Intent, nothingWanted } from '../rules/intent.ts';
import type { Policy } from '../rules/policy.ts';
import { wantedSentence } from '../rules/wanted-sentence.ts';
import { ChunkedDecoder } from '../wire/chunked.ts';
import type { RequestDefect } from '../wire/http-request.ts';
import type { RequestHead } from '../wire/request-head.ts';
import { parseRequestHead } from '../wire/request-head.ts';

import { type FieldDump, readFieldDump } from './field-dump.ts';

/** A signal with its place in the input. */
export interface PlacedSignal extends Signal {
  /** Offset of the first offending byte. */
  readonly offset: number;
  /** Number of offending bytes; 0 if something is missing at the offset. */
  readonly length: number;
}

export interface Explanation {
  readonly verdict: Verdict;
  readonly signals: readonly PlacedSignal[];
  /** Null if there are no signals. */
  readonly intent: Intent | null;
  /** One sentence: what the sender wanted, or which backend gets the request. */
  readonly why: string;
  /** The request head as parsed; null if the bytes are not HTTP/1. */
  readonly head: RequestHead | null;
}

/**
 * @param bytes a request as on the wire, possibly incomplete
 * @param at offset of these bytes in the input
 */
export function explain(bytes: Uint8Array, policy: Policy, at = 0): Explanation {
  const other = judgeFirstBytes(bytes, policy);
  // The HTTP/2 preface has a request line too, so first bytes go before field dumps.
  const dump = other === null ? readFieldDump(text(bytes)) : null;
  if (dump !== null) return explainFields(dump, bytes.length, policy, at);
  const head = other === null ? parseRequestHead(bytes) : null;
  const verdict = other ?? (head === null ? denied(policy) : judgeHead(head, bytes, policy));
  const wanted = verdict.wanted ?? nothingWanted;
  const body = head === null ? '' : text(bytes).slice(head.end, head.end + evidenceLimit);
  return {
    verdict,
    signals: verdict.signals.map((signal) => placed(signal, head, bytes.length, at)),
    intent: verdict.rule === null ? null : classifyIntent({ ...wanted, body }),
    why: verdict.rule === null ? forwardedSentence(verdict) : redact(wantedSentence(verdict.rule, wanted)),
    head,
  };
}

function explainFields(dump: FieldDump, size: number, policy: Policy, at: number): Explanation {
  const verdict = judge(dump.request, policy);
  const wanted = verdict.wanted ?? nothingWanted;
  return {
    verdict,
    signals: verdict.signals.map((signal) => placedInDump(signal, dump, size, at)),
    intent: verdict.rule === null ? null : classifyIntent({ ...wanted, body: '' }),
    why: verdict.rule === null ? forwardedSentence(verdict) : redact(wantedSentence(verdict.rule, wanted)),
    head: null,
  };
}

function placedInDump(signal: Signal, dump: FieldDump, size: number, at: number): PlacedSignal {
  const { part, start, end, header } = signal.evidence;
  const { pseudoAt, valueAt, placeOf } = dump;
  const of = (name: string): number => pseudoAt.get(name) ?? 0;
  // HTTP/2 has the host in `:authority`, while HTTP/1 may have it in the target.
  const host = /^host-/.test(signal.rule) ? of(':authority') : of(':path');
  const base = {
    method: of(':method'),
    target: host,
    version: 0,
    header: header === undefined ? 0 : (valueAt[header / 2] ?? 0),
    body: size,
    bytes: placeOf(start) - start,
  }[part];
  const offset = Math.min(base + start, size);
  return { ...signal, offset: at + offset, length: Math.min(end - start, size - offset) };
}

function judgeHead(head: RequestHead, bytes: Uint8Array, policy: Policy): Verdict {
  const { defects, ...request } = head;
  const all: RequestDefect[] = [...defects, ...bodyDefects(head, bytes)];
  return judge(all.length === 0 ? request : { ...request, defects: all }, policy);
}

/** A malformed chunk, if the input contains one. */
function bodyDefects(head: RequestHead, bytes: Uint8Array): RequestDefect[] {
  const { rawHeaders, complete, end } = head;
  const chunked = rawHeaders.some(
    (name, i) => i % 2 === 0 && /^transfer-encoding$/i.test(name) && /^chunked$/i.test(rawHeaders[i + 1]!),
  );
  if (!complete || !chunked) return [];
  const decoder = new ChunkedDecoder();
  const consumed = decoder.decode(Buffer.from(bytes).subarray(end), () => {});
  return decoder.error === null ? [] : [{ why: decoder.error, at: end + consumed - 1 }];
}

function placed(signal: Signal, head: RequestHead | null, size: number, at: number): PlacedSignal {
  const { part, start, end, header } = signal.evidence;
  const base = head === null ? 0 : partOffset(head, part, header);
  const offset = Math.min(base + start, size);
  return { ...signal, offset: at + offset, length: Math.min(end - start, size - offset) };
}

function partOffset(head: RequestHead, part: Signal['evidence']['part'], header: number | undefined): number {
  switch (part) {
    case 'method':
      return head.targetAt - head.method.length - 1;
    case 'target':
      return head.targetAt;
    case 'version':
      return head.targetAt + head.target.length + 1;
    case 'header':
      return head.valueAt[header! / 2]!;
    case 'body':
      return head.end;
    case 'bytes':
      return 0;
  }
}

const forwardedSentence = ({ site, path, host }: Verdict): string =>
  `Nothing is wrong with it: it is forwarded to the backend of ${site?.name} as ${path} with Host ${host}.`;

const text = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
