/** CONNECT in all its spellings; after a 2xx, a request to the canary goes through the tunnel. */
import { type Baseline, withoutProof } from './answer.ts';
import type { AuditContext } from './audit-context.ts';
import type { Challenge } from './canary.ts';
import { type CanaryName, names, unresolvable } from './canary-names.ts';
import { Connection, UnreachableError } from './connection.ts';
import type { Outcome, TechniqueId } from './finding.ts';
import {
  greetingMarks,
  greetingPorts,
  metadataHosts,
  metadataMarks,
  metadataPath,
} from './internal-services.ts';
import { proofOf, proven, type Since } from './proof.ts';

export interface ConnectTechnique {
  readonly id: TechniqueId;
  /** The request; `authority` is the tunnel's destination. */
  readonly bytes: (authority: string, context: AuditContext, agent: string) => string;
  /** Also tried on ports that do not answer like an HTTP server. */
  readonly essential?: true;
  /** `HOST:PORT` to tunnel to; null skips the technique. @default the canary's */
  readonly to?: CanaryName;
  /** Matches the answer of a service on the server's own machine, which proves the tunnel. */
  readonly marks?: RegExp;
  /** Skipped once any CONNECT has been relayed. */
  readonly unlessProven?: true;
  /** The inner request follows the CONNECT at once, without waiting for an answer. */
  readonly atOnce?: true;
  /** Requires a canary with an IPv4 address. */
  readonly ipv4?: true;
}

/** The User-Agent names the challenge: a server that forwards the CONNECT itself to the Host delivers it to the canary. */
const connect = (agent: string, line: string, ...headers: string[]): string =>
  `${[line, ...headers, `User-Agent: ${agent}`].join('\r\n')}\r\n\r\n`;

/** Servers often limit CONNECT to some ports: Apache and squid to 443 and 563, operators to 80 and 8080; abuse goes to 22 and 25. */
export const connectPorts: readonly number[] = [443, 563, 80, 8080, 22, 25];

const plain: Pick<ConnectTechnique, 'bytes'> = {
  bytes: (to, _, agent) => connect(agent, `CONNECT ${to} HTTP/1.1`, `Host: ${to}`),
};

export const connectTechniques: readonly ConnectTechnique[] = [
  {
    id: 'connect',
    bytes: (to, _, agent) => connect(agent, `CONNECT ${to} HTTP/1.1`, `Host: ${to}`),
    essential: true,
  },
  {
    id: 'connect/http-1.0',
    bytes: (to, _, agent) => connect(agent, `CONNECT ${to} HTTP/1.0`),
    essential: true,
  },
  {
    id: 'connect/own-host-line',
    bytes: (to, { own }, agent) => connect(agent, `CONNECT ${to} HTTP/1.1`, `Host: ${own}`),
  },
  {
    id: 'connect/lower-case',
    bytes: (to, _, agent) => connect(agent, `connect ${to} HTTP/1.1`, `Host: ${to}`),
  },
  {
    id: 'connect/junk-after',
    bytes: (to, _, agent) => connect(agent, `CONNECT ${to} HTTP/1.1`, `Host: ${to}`),
    atOnce: true,
  },
  {
    id: 'connect/absolute-form',
    bytes: (to, _, agent) => connect(agent, `CONNECT http://${to}/ HTTP/1.1`, `Host: ${to}`),
  },
  {
    id: 'connect/userinfo',
    bytes: (to, { own }, agent) => connect(agent, `CONNECT ${own}@${to} HTTP/1.1`, `Host: ${to}`),
  },
  {
    id: 'connect/mapped-address',
    bytes: (to, _, agent) => {
      const mapped = `[::ffff:${to.replace(/:(\d+)$/, ']:$1')}`;
      return connect(agent, `CONNECT ${mapped} HTTP/1.1`, `Host: ${mapped}`);
    },
    ipv4: true,
  },
  ...connectPorts.map((port) => ({
    ...plain,
    id: `connect/port-${port}` as const,
    to: ({ canary }: AuditContext) => canary.at(port),
    ...(port === 443 ? { essential: true as const } : {}),
  })),
  { id: 'connect/itself', ...plain, to: ({ target }) => target },
  { id: 'connect/localhost', ...plain, to: names.localhost, unlessProven: true },
  { id: 'connect/loopback', ...plain, to: names.loopback, unlessProven: true },
  { id: 'connect/decimal', ...plain, to: names.decimal, unlessProven: true },
  { id: 'connect/outside-address', ...plain, to: names.outside, unlessProven: true },
  { id: 'connect/unresolvable', ...plain, to: () => `${unresolvable}:443`, unlessProven: true },
  {
    id: 'connect/metadata',
    ...plain,
    to: () => `${metadataHosts.metadata}:80`,
    marks: metadataMarks,
    unlessProven: true,
  },
  ...Object.entries(greetingPorts).map(([name, port]) => ({
    ...plain,
    id: `connect/loopback-${name}` as const,
    to: () => `127.0.0.1:${port}`,
    marks: greetingMarks,
    unlessProven: true as const,
  })),
];

/** Where a technique tunnels to; null skips it. */
export const destination = ({ to }: ConnectTechnique, context: AuditContext): string | null =>
  to === undefined ? context.canary.authority : to(context);

/** Runs one technique. @throws UnreachableError, BudgetError */
export async function runConnect(
  technique: ConnectTechnique,
  context: AuditContext,
  baseline: Baseline | null,
): Promise<Outcome> {
  return await tunnel(technique, context, destination(technique, context)!, baseline);
}

async function tunnel(
  technique: ConnectTechnique,
  context: AuditContext,
  authority: string,
  baseline: Baseline | null,
): Promise<Outcome> {
  const { canary, patience } = context;
  const challenge = canary.newChallenge();
  const inner = innerRequest(technique, context, challenge);
  const since: Since = { count: canary.count, anyConnection: false };
  const connection = await context.dial();
  try {
    const request = technique.bytes(authority, context, `sekisho-audit ${challenge.id}`);
    connection.send(technique.atOnce ? request + inner : request);
    const head = await connection.until((bytes) => bytes.includes('\r\n\r\n'), patience);
    const first = /^HTTP\/\d(?:\.\d)? (\d{3})/.exec(head.toString('latin1'));
    const status = first === null ? null : Number(first[1]);
    context.heard(status, head);
    if (status !== null && status >= 200 && status < 300) {
      if (!technique.atOnce) connection.send(inner);
      const bytes = await connection.until((bytes) => bytes.includes(challenge.answer), patience, 1_000);
      return (
        proven(proofOf(context, challenge, bytes, since), status) ??
        (await inTunnel(technique, context, authority, { status, bytes, inner }))
      );
    }
    // With `atOnce`, a second answer may belong to the inner request: only the first one answers the CONNECT.
    const end = head.indexOf('\r\n\r\n');
    const bytes = end === -1 ? head : head.subarray(0, end + 4);
    return (
      proven(proofOf(context, challenge, head, since), status) ??
      withoutProof({ bytes, ended: connection.ended }, baseline, patience)
    );
  } finally {
    connection.close();
  }
}

/** The request inside the tunnel. A tunnel to the server itself carries an absolute-form request, so a fetch reaches the canary. */
function innerRequest(
  { id, marks }: ConnectTechnique,
  { canary }: AuditContext,
  { path }: Challenge,
): string {
  if (id === 'connect/itself') return `GET http://${canary.authority}${path} HTTP/1.0\r\n\r\n`;
  if (marks === metadataMarks)
    return `GET ${metadataPath} HTTP/1.0\r\nHost: ${metadataHosts.metadata}\r\n\r\n`;
  return `GET ${path} HTTP/1.0\r\nHost: ${canary.authority}\r\n\r\n`;
}

interface Success {
  readonly status: number;
  /** Everything received: the head, then whatever came through the tunnel. */
  readonly bytes: Buffer;
  /** What was sent into the tunnel. */
  readonly inner: string;
}

/** A 2xx to CONNECT, but the canary was not reached. */
async function inTunnel(
  { marks = greetingMarks }: ConnectTechnique,
  { canary, patience }: AuditContext,
  authority: string,
  { status, bytes, inner }: Success,
): Promise<Outcome> {
  const text = bytes.toString('latin1');
  const end = text.indexOf('\r\n\r\n') + 4;
  const after = text.slice(end);
  const greeting = marks.exec(after);
  if (greeting !== null) {
    const line = after.slice(greeting.index).trim().slice(0, 80).split(/\r?\n/)[0];
    return { result: 'relays', why: `the answer of ${authority} came back through the tunnel: ${line}` };
  }
  // RFC 9110 section 9.3.6: a 2xx that opens a tunnel has no framing headers.
  if (/\n(?:content-length|transfer-encoding|content-type):/i.test(text.slice(0, end))) {
    return { result: 'answers-itself', why: `${status} with its own page, no tunnel` };
  }
  // Another server listens on this port of the canary's address: the same answer through the tunnel is proof.
  const port = Number(/:(\d+)$/.exec(authority)?.[1]);
  if (
    after !== '' &&
    !after.startsWith('HTTP/') &&
    canary.unheardPorts.has(port) &&
    authority === canary.at(port)
  ) {
    const direct = await neighbour(canary.host, port, inner, patience);
    if (direct !== '' && direct.slice(0, 16) === after.slice(0, 16)) {
      return {
        result: 'relays',
        why: `the answer of the server at ${authority} came back through the tunnel`,
      };
    }
  }
  return {
    result: 'unclear',
    why: `${status}, as if a tunnel were open, but the canary was not reached through it`,
  };
}

/** What another server on the canary's address answers to the same bytes. */
async function neighbour(host: string, port: number, bytes: string, patience: number): Promise<string> {
  try {
    const connection = await Connection.dial({ host, port, timeout: patience });
    connection.send(bytes);
    const said = await connection.until((bytes) => bytes.length >= 16, patience, 500);
    connection.close();
    return said.toString('latin1');
  } catch (error) {
    if (error instanceof UnreachableError) return '';
    throw error;
  }
}
