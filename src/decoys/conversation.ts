/** Reads what a decoy has received so far and decides what to do next. Pure: bytes in, steps out, no socket. */
import type { Verdict } from '../judge.ts';
import { judge, judgeFirstBytes } from '../judge.ts';
import type { Answer, RuleId } from '../rules/catalogue.ts';
import { nothingWanted, type Wanted } from '../rules/intent.ts';
import type { PathVerdict } from '../rules/smtp.ts';
import { classifyFirstBytes } from '../wire/first-bytes.ts';
import { parseRequestHead } from '../wire/request-head.ts';
import { parseSocks4, parseSocks5Greeting, parseSocks5Request, type SocksRequest } from '../wire/socks.ts';
import { httpCredentials, pairOf } from './credentials.ts';
import { decoyPolicy } from './decoy-policy.ts';
import {
  dropped,
  noMethod,
  none,
  passwordRefused,
  type Refusal,
  type RefuseHttp,
  socks4Refused,
  socks5Refused,
} from './refusals.ts';

/** What a client asked for, and the answer. */
export type Asked = {
  readonly answer: Answer;
  /** The command of a SOCKS request. */
  readonly command?: SocksRequest['command'];
  /** Credentials as received; only their hash is recorded. */
  readonly offered?: string;
} & (
  | {
      readonly kind: 'verdict';
      readonly verdict: Verdict;
      /** latin1, without credentials. */
      readonly head: string;
      readonly body: string;
    }
  | {
      readonly kind: 'mail';
      /** The recipient's rules, or `smtp-auth-failed`. */
      readonly rules: readonly RuleId[];
      readonly recipient: PathVerdict | null;
      /** Without credentials. */
      readonly line: string;
      readonly before: string;
    }
);

/** What was asked, without the answer, which the refusal holds. */
export type Wish = Asked extends infer One ? (One extends Asked ? Omit<One, 'answer'> : never) : never;

export type Step =
  /** Read on. `say` is sent now, and answers what was asked. */
  | { readonly more: true; readonly say?: Buffer; readonly asked?: readonly Asked[] }
  /** Refuse with these bytes, and close. `asked` is empty if nothing is worth recording. */
  | { readonly more: false; readonly asked: readonly Asked[]; readonly refuse: Refusal };

export interface Conversation {
  /** Sent first; empty: the client speaks first. */
  readonly greeting: Buffer;
  /** Bytes read at most. */
  readonly limit: number;
  /**
   * @param bytes everything received so far
   * @param last nothing more will be read: the step must be a final one
   */
  read(bytes: Buffer, last: boolean): Step;
}

/** Bytes read of a first message. */
export const longestMessage = 8192;

/** Recorded in place of a user name or password. */
export const credentials = '[credentials]';
const chooseNone = Buffer.from([5, 0]);
const choosePassword = Buffer.from([5, 2]);

/** The conversation of a port that waits for the client to speak, in any protocol. */
export function anyProtocol(refuseHttp: RefuseHttp): Conversation {
  let said = false;
  return {
    greeting: none,
    limit: longestMessage,
    read: (bytes, last) => {
      const step = converse(bytes, last, refuseHttp);
      if (!step.more || step.say === undefined) return step;
      if (said) return { more: true };
      said = true;
      return step;
    },
  };
}

/** Reads any protocol. Parameters as in `Conversation.read`. */
export function converse(bytes: Buffer, last: boolean, refuseHttp: RefuseHttp): Step {
  const protocol = classifyFirstBytes(bytes);
  switch (protocol) {
    case 'socks5':
      return socks5(bytes, last);
    case 'socks4':
      return socks4(bytes, last);
    case 'http-1':
    case 'http-0.9':
      return http(bytes, last, refuseHttp);
    case 'unknown':
      if (!last) return { more: true };
      return bytes.length === 0 ? done(null, dropped) : http(bytes, true, refuseHttp);
    case 'tls':
      // The server name may be in the second packet of a long hello.
      if (!last && bytes.length < helloLength(bytes)) return { more: true };
      return done(firstBytes(bytes, latin1(bytes)), dropped);
    default:
      return done(firstBytes(bytes, latin1(bytes)), dropped);
  }
}

/** Length of the first TLS record (RFC 8446 section 5.1); 0 for an SSL 2 hello. */
const helloLength = (bytes: Buffer): number =>
  bytes[0] !== 0x16 ? 0 : bytes.length < 5 ? 5 : 5 + bytes.readUInt16BE(3);

function http(bytes: Buffer, last: boolean, refuseHttp: RefuseHttp): Step {
  const head = parseRequestHead(bytes);
  if ((head === null || !head.complete) && !last) return { more: true };
  const foreign = judgeFirstBytes(bytes, decoyPolicy);
  if (foreign !== null) return done(wish(foreign, latin1(bytes)), dropped);
  const text = latin1(bytes);
  const request = head ?? { method: '', target: '', version: '1.0', rawHeaders: [] };
  const defects = head === null ? [{ why: 'the bytes are not an HTTP request', at: 0 }] : head.defects;
  const verdict = judge(defects.length === 0 ? request : { ...request, defects }, decoyPolicy);
  const end = head?.end ?? bytes.length;
  const refusal = head === null ? dropped : refuseHttp(request.method.toUpperCase() === 'CONNECT');
  // No rule matches only if the request names no host. Health checks send such requests, so they do not count.
  const seen =
    verdict.rule === null
      ? uncounted('host-missing', 'the request names no host', { ...nothingWanted, path: request.target })
      : verdict;
  const offered = httpCredentials(request.rawHeaders);
  return done(
    {
      ...wish(seen, text.slice(0, end), text.slice(end)),
      ...(offered === null ? {} : { offered }),
    },
    refusal,
  );
}

function socks4(bytes: Buffer, last: boolean): Step {
  const request = parseSocks4(bytes);
  if (request?.complete !== true && !last) return { more: true };
  const userEnd = bytes.indexOf(0, 8);
  const user = latin1(bytes.subarray(8, userEnd === -1 ? bytes.length : userEnd));
  const name = request?.version === '4a' ? `${request.host}\0` : '';
  const head = `${latin1(bytes.subarray(0, 8))}${user === '' ? '' : credentials}\0${name}`;
  return done(
    firstBytes(bytes, head, {
      ...(request === null ? {} : { command: request.command }),
      ...(user === '' ? {} : { offered: pairOf(user, '') }),
    }),
    socks4Refused,
  );
}

function socks5(bytes: Buffer, last: boolean): Step {
  const greeting = parseSocks5Greeting(bytes)!;
  const head = latin1(bytes.subarray(0, greeting.length));
  if (bytes.length < greeting.length) return last ? done(firstBytes(bytes, head), noMethod) : { more: true };
  const rest = bytes.subarray(greeting.length);
  if (greeting.methods.includes(0)) {
    const request = parseSocks5Request(rest);
    if (request === null && !last && (rest[0] ?? 5) === 5) return { more: true, say: chooseNone };
    const asked =
      // 1 begins a name and password (RFC 1929), sent without waiting for the choice of a method.
      rest[0] === 1
        ? firstBytes(bytes, head + credentials, { offered: passwordOf(rest) })
        : firstBytes(
            bytes,
            head + latin1(rest.subarray(0, 262)),
            request === null ? {} : { command: request.command },
          );
    return done(asked, socks5Refused);
  }
  if (!greeting.methods.includes(2)) return done(firstBytes(bytes, head), noMethod);
  // RFC 1929: version, length, name, length, password. Read to the end to refuse it there; recorded as a placeholder.
  const nameLength = rest[1] ?? 255;
  const complete = rest.length >= 3 + nameLength + (rest[2 + nameLength] ?? 255);
  if (!complete && !last) return { more: true, say: choosePassword };
  return done(
    rest.length === 0
      ? firstBytes(bytes, head)
      : firstBytes(bytes, head + credentials, { offered: passwordOf(rest) }),
    passwordRefused,
  );
}

/** Name and password (RFC 1929), as far as received. */
function passwordOf(bytes: Buffer): string {
  const end = 2 + (bytes[1] ?? 0);
  return pairOf(latin1(bytes.subarray(2, end)), latin1(bytes.subarray(end + 1, end + 1 + (bytes[end] ?? 0))));
}

type Extras = Pick<Asked, 'command' | 'offered'>;

/** Judges the first bytes. @param head the bytes as recorded, without credentials */
function firstBytes(bytes: Buffer, head: string, extras: Extras = {}): Wish | null {
  const verdict = judgeFirstBytes(bytes, decoyPolicy);
  return verdict === null ? null : { ...wish(verdict, head), ...extras };
}

export const wish = (verdict: Verdict, head: string, body = ''): Wish => ({
  kind: 'verdict',
  verdict,
  head,
  body,
});

/** The verdict on what only a decoy records: it does not count towards a ban. @param what was seen */
export const uncounted = (rule: RuleId, what: string, wanted: Wanted): Verdict => ({
  ...{
    action: 'block',
    site: null,
    path: '',
    host: '',
    rule,
    answer: 'drop',
    wanted,
    strip: [],
    upgrade: false,
  },
  signals: [{ rule, what, evidence: { part: 'bytes', start: 0, end: 0 }, action: 'block', counts: false }],
});

/** A final step, recorded with the answer of the refusal. */
export const done = (asked: Wish | null, refuse: Refusal): Step => ({
  more: false,
  asked: asked === null ? [] : [{ ...asked, answer: refuse.answer }],
  refuse,
});

const latin1 = (bytes: Buffer): string => bytes.toString('latin1');
