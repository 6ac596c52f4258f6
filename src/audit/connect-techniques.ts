/** CONNECT in its spellings: after a 2xx the canary is asked through the tunnel. */
import { type Baseline, proven, withoutProof } from './answer.ts';
import type { Ask } from './canary.ts';
import type { Connection } from './connection.ts';
import { proofOf } from './evidence.ts';
import type { Outcome, TechniqueId } from './finding.ts';
import type { Ground } from './ground.ts';

export interface ConnectTechnique {
  readonly id: TechniqueId;
  /** The request; `authority` is what to tunnel to. */
  readonly bytes: (authority: string, ground: Ground) => string;
  /** Tried also where the port does not answer like an HTTP server. */
  readonly essential?: true;
  /** Where to: the canary, port 25 of its address, or the audited server itself. @default 'canary' */
  readonly to?: 'mail-port' | 'itself';
  /** The ask is sent right behind the request, without waiting for an answer. */
  readonly atOnce?: true;
  /** Needs a canary with an IPv4 address. */
  readonly ipv4?: true;
}

const connect = (line: string, ...headers: string[]): string =>
  `${[line, ...headers, 'User-Agent: sekisho-audit'].join('\r\n')}\r\n\r\n`;

export const connectTechniques: readonly ConnectTechnique[] = [
  { id: 'connect', bytes: (to) => connect(`CONNECT ${to} HTTP/1.1`, `Host: ${to}`), essential: true },
  { id: 'connect/http-1.0', bytes: (to) => connect(`CONNECT ${to} HTTP/1.0`), essential: true },
  {
    id: 'connect/own-host-line',
    bytes: (to, { own }) => connect(`CONNECT ${to} HTTP/1.1`, `Host: ${own}`),
  },
  { id: 'connect/lower-case', bytes: (to) => connect(`connect ${to} HTTP/1.1`, `Host: ${to}`) },
  { id: 'connect/junk-after', bytes: (to) => connect(`CONNECT ${to} HTTP/1.1`, `Host: ${to}`), atOnce: true },
  { id: 'connect/absolute-form', bytes: (to) => connect(`CONNECT http://${to}/ HTTP/1.1`, `Host: ${to}`) },
  {
    id: 'connect/userinfo',
    bytes: (to, { own }) => connect(`CONNECT ${own}@${to} HTTP/1.1`, `Host: ${to}`),
  },
  {
    id: 'connect/mapped-address',
    bytes: (to) => {
      const mapped = `[::ffff:${to.replace(/:(\d+)$/, ']:$1')}`;
      return connect(`CONNECT ${mapped} HTTP/1.1`, `Host: ${mapped}`);
    },
    ipv4: true,
  },
  { id: 'connect/port-25', bytes: (to) => connect(`CONNECT ${to} HTTP/1.1`, `Host: ${to}`), to: 'mail-port' },
  { id: 'connect/itself', bytes: (to) => connect(`CONNECT ${to} HTTP/1.1`, `Host: ${to}`), to: 'itself' },
];

/** Runs one technique. @throws UnreachableError, BudgetError */
export async function runConnect(
  technique: ConnectTechnique,
  ground: Ground,
  baseline: Baseline | null,
): Promise<Outcome> {
  const { canary } = ground;
  if (technique.to !== 'mail-port') {
    const authority = technique.to === 'itself' ? ground.target : canary.authority;
    return await tunnel(technique, ground, authority, baseline);
  }
  let mailPort: { close(): void } | null = null;
  try {
    mailPort = await canary.alsoOn(25);
  } catch {
    // Not root, or a mail server of our own is there: then its greeting tells.
  }
  try {
    return await tunnel(technique, ground, canary.at(25), baseline);
  } finally {
    mailPort?.close();
  }
}

async function tunnel(
  technique: ConnectTechnique,
  ground: Ground,
  authority: string,
  baseline: Baseline | null,
): Promise<Outcome> {
  const { canary, patience } = ground;
  const ask = canary.newAsk();
  // Through a tunnel to itself the server is asked to fetch: the canary tells whether the inner request arrived.
  const inner =
    technique.to === 'itself'
      ? `GET http://${canary.authority}${ask.path} HTTP/1.0\r\n\r\n`
      : `GET ${ask.path} HTTP/1.0\r\nHost: ${canary.authority}\r\n\r\n`;
  const connection = await ground.dial();
  try {
    const request = technique.bytes(authority, ground);
    connection.send(technique.atOnce ? request + inner : request);
    const head = await connection.until((bytes) => bytes.includes('\r\n\r\n'), patience);
    const first = /^HTTP\/\d(?:\.\d)? (\d{3})/.exec(head.toString('latin1'));
    const status = first === null ? null : Number(first[1]);
    if (status !== null && status >= 200 && status < 300) {
      if (!technique.atOnce) connection.send(inner);
      return await inTunnel(connection, ask, ground, status, technique.to === 'mail-port');
    }
    // What was sent at once may have been answered as a second request: the first answer is the one to CONNECT.
    const end = head.indexOf('\r\n\r\n');
    const bytes = end === -1 ? head : head.subarray(0, end + 4);
    return (
      proven(proofOf(ground, ask, head, null), status) ??
      withoutProof({ bytes, ended: connection.ended }, baseline, patience)
    );
  } finally {
    connection.close();
  }
}

async function inTunnel(
  connection: Connection,
  ask: Ask,
  ground: Ground,
  status: number,
  mail: boolean,
): Promise<Outcome> {
  const bytes = await connection.until((bytes) => bytes.includes(ask.answer), ground.patience, 1_000);
  const relayed = proven(proofOf(ground, ask, bytes, null), status);
  if (relayed !== null) return relayed;
  const text = bytes.toString('latin1');
  const after = text.slice(text.indexOf('\r\n\r\n') + 4);
  if (mail && /^220[ -]/.test(after)) {
    const greeting = after.slice(0, 80).split('\r\n')[0];
    return { result: 'relays', why: `the greeting of a mail server came back: ${greeting}` };
  }
  // RFC 9110 section 9.3.6: a 2xx that opens a tunnel has neither of these, and no page behind it.
  const page = /\n(?:content-length|transfer-encoding|content-type):/i.test(
    text.slice(0, -after.length || undefined),
  );
  if (page || (after.length > 0 && !/^HTTP\//.test(after))) {
    return { result: 'answers-itself', why: `${status} with a page of its own, no tunnel` };
  }
  return {
    result: 'unclear',
    why: `${status}, as if there were a tunnel, but the canary was not reached through it`,
  };
}
