/**
 * Reads the head of an HTTP/1 request from raw bytes, strictly (RFC 9112): for requests that are not plain, for `explain`, for
 * bytes that Node's parser refused, for decoys and log lines. A head with defects still yields all readable parts, so that a verdict
 * can name what the sender wanted and not only that the bytes were malformed.
 */
import type { RequestDefect as Defect } from './http-request.ts';
import { isToken } from './token.ts';
import { trimmed } from './white-space.ts';

export interface RequestHead {
  readonly method: string;
  readonly target: string;
  /** `1.1`, `1.0`; `0.9` without a version word; else the word itself. */
  readonly version: string;
  /** name, value, name, value … trimmed of optional white space. */
  readonly rawHeaders: readonly string[];
  /** Offset of the target. */
  readonly targetAt: number;
  /** Offsets of the values: that of `rawHeaders[i + 1]` is at `i / 2`. */
  readonly valueAt: readonly number[];
  /** Offset of the first byte after the head; the length of the bytes if the head has no end. */
  readonly end: number;
  /** The empty line that ends a head was found. */
  readonly complete: boolean;
  readonly defects: readonly Defect[];
}

const control = /[\0-\x08\x0a-\x1f\x7f]/;

/**
 * Reads the head. Total; null only if the bytes do not begin with a token and a target: `classifyFirstBytes` then says
 * what they are.
 */
export function parseRequestHead(bytes: Uint8Array): RequestHead | null {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  // RFC 9112 section 2.2: empty lines before the request line are ignored.
  const start = /^(?:\r?\n)*/.exec(text)![0].length;
  const headEnd = /\r?\n\r?\n/.exec(text.slice(start));
  const complete = headEnd !== null;
  const end = complete ? start + headEnd.index + headEnd[0].length : text.length;
  const lines = splitLines(text, start, complete ? start + headEnd.index : text.length);
  const first = lines[0];
  if (first === undefined) return null;
  const words = /^(\S+)[ \t]+(\S+)(?:[ \t]+(.*))?$/s.exec(first.text);
  if (words === null || !isToken(words[1]!)) return null;

  const defects: Defect[] = [];
  const method = words[1]!;
  const target = words[2]!;
  const versionWord = words[3];
  const targetAt = first.at + first.text.indexOf(target, method.length);
  // RFC 9112 section 3 lets a server accept runs of white space, but servers read them differently, and no client sends them.
  const exact = versionWord === undefined ? `${method} ${target}` : `${method} ${target} ${versionWord}`;
  if (first.text !== exact) {
    defects.push({ why: 'more than single spaces in the request line', at: first.at + method.length });
  }
  const version = readVersion(versionWord, targetAt + target.length, defects);
  for (const line of lines)
    if (line.bare) defects.push({ why: 'a line that ends in a bare LF', at: line.at + line.text.length });

  const rawHeaders: string[] = [];
  const valueAt: number[] = [];
  for (const line of lines.slice(1)) readField(line, rawHeaders, valueAt, defects);
  return { method, target, version, rawHeaders, targetAt, valueAt, end, complete, defects };
}

interface Line {
  readonly text: string;
  readonly at: number;
  readonly bare: boolean;
}

function splitLines(text: string, start: number, end: number): Line[] {
  const lines: Line[] = [];
  for (let at = start; at < end; ) {
    const lf = text.indexOf('\n', at);
    const stop = lf === -1 || lf >= end ? end : lf;
    const cr = text.charCodeAt(stop - 1) === 0x0d && stop > at && stop !== end ? 1 : 0;
    lines.push({ text: text.slice(at, stop - cr), at, bare: stop === lf && cr === 0 });
    at = stop + 1;
  }
  return lines;
}

function readVersion(word: string | undefined, at: number, defects: Defect[]): string {
  if (word === undefined) {
    defects.push({ why: 'HTTP/0.9: no version after the target', at });
    return '0.9';
  }
  const match = /^HTTP\/(\d\.\d)$/.exec(word);
  if (match !== null && (match[1] === '1.1' || match[1] === '1.0')) return match[1];
  defects.push({
    why: `the protocol is ${match === null ? 'not HTTP/1.0 or HTTP/1.1' : `HTTP/${match[1]}`}`,
    at: at + 1,
  });
  return match === null ? word : match[1]!;
}

function readField(line: Line, rawHeaders: string[], valueAt: number[], defects: Defect[]): void {
  if (line.text.startsWith(' ') || line.text.startsWith('\t')) {
    defects.push({ why: 'a folded header line (obs-fold)', at: line.at });
    return;
  }
  const colon = line.text.indexOf(':');
  if (colon === -1) {
    defects.push({ why: 'a header line without a colon', at: line.at });
    return;
  }
  const name = line.text.slice(0, colon);
  const raw = line.text.slice(colon + 1);
  const value = trimmed(raw);
  if (!isToken(name)) defects.push({ why: 'a header name that is not a token', at: line.at });
  const invalid = raw.search(control);
  if (invalid !== -1)
    defects.push({
      why: 'a control character in a header value',
      at: line.at + colon + 1 + invalid,
      // `fetch()` accepts all of them except NUL.
      byPage: raw[invalid] !== '\0',
    });
  rawHeaders.push(name.trim(), value);
  valueAt.push(line.at + colon + 1 + raw.indexOf(value));
}
