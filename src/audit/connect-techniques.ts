/** CONNECT in its spellings: after a 2xx the canary is asked through the tunnel. */
import { type Baseline, proven, withoutProof } from './answer.ts';
import type { Ask } from './canary.ts';
import { type CanaryName, names, nobody } from './canary-names.ts';
import { Connection, UnreachableError } from './connection.ts';
import { proofOf, type Since } from './evidence.ts';
import type { Outcome, TechniqueId } from './finding.ts';
import type { Ground } from './ground.ts';
import { greetingMarks, greetingPorts, metadataHosts, metadataMarks, metadataPath } from './own-services.ts';

export interface ConnectTechnique {
  readonly id: TechniqueId;
  /** The request; `authority` is what to tunnel to. */
  readonly bytes: (authority: string, ground: Ground, agent: string) => string;
  /** Tried also where the port does not answer like an HTTP server. */
  readonly essential?: true;
  /** `HOST:PORT` to tunnel to; null where there is none here. @default that of the canary */
  readonly to?: CanaryName;
  /** What comes through the tunnel is the proof: a service of the server's own machine. */
  readonly marks?: RegExp;
  /** Not tried where CONNECT has already gone through. */
  readonly unlessProven?: true;
  /** The ask is sent right behind the request, without waiting for an answer. */
  readonly atOnce?: true;
  /** Needs a canary with an IPv4 address. */
  readonly ipv4?: true;
}

/** The User-Agent names the ask: a server that forwards a CONNECT as it came, to whom the Host names, shows it to the canary. */
const connect = (agent: string, line: string, ...headers: string[]): string =>
  `${[line, ...headers, `User-Agent: ${agent}`].join('\r\n')}\r\n\r\n`;

/** CONNECT is often limited to some ports: 443 and 563 by Apache and squid, 80 and 8080 by hand; 22 and 25 are what it is abused for. */
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
    to: ({ canary }: Ground) => canary.at(port),
    ...(port === 443 ? { essential: true as const } : {}),
  })),
  { id: 'connect/itself', ...plain, to: ({ target }) => target },
  { id: 'connect/localhost', ...plain, to: names.localhost, unlessProven: true },
  { id: 'connect/loopback', ...plain, to: names.loopback, unlessProven: true },
  { id: 'connect/decimal', ...plain, to: names.decimal, unlessProven: true },
  { id: 'connect/outside-address', ...plain, to: names.outside, unlessProven: true },
  { id: 'connect/unresolvable', ...plain, to: () => `${nobody}:443`, unlessProven: true },
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

/** Where a technique tunnels to; null where it has no such place here. */
export const destination = ({ to }: ConnectTechnique, ground: Ground): string | null =>
  to === undefined ? ground.canary.authority : to(ground);

/** Runs one technique. @throws UnreachableError, BudgetError */
export async function runConnect(
  technique: ConnectTechnique,
  ground: Ground,
  baseline: Baseline | null,
): Promise<Outcome> {
  return await tunnel(technique, ground, destination(technique, ground)!, baseline);
}

async function tunnel(
  technique: ConnectTechnique,
  ground: Ground,
  authority: string,
  baseline: Baseline | null,
): Promise<Outcome> {
  const { canary, patience } = ground;
  const ask = canary.newAsk();
  const inner = innerRequest(technique, ground, ask);
  const since: Since = { count: canary.count, silent: false };
  const connection = await ground.dial();
  try {
    const request = technique.bytes(authority, ground, `sekisho-audit ${ask.id}`);
    connection.send(technique.atOnce ? request + inner : request);
    const head = await connection.until((bytes) => bytes.includes('\r\n\r\n'), patience);
    const first = /^HTTP\/\d(?:\.\d)? (\d{3})/.exec(head.toString('latin1'));
    const status = first === null ? null : Number(first[1]);
    ground.heard(status, head);
    if (status !== null && status >= 200 && status < 300) {
      if (!technique.atOnce) connection.send(inner);
      const bytes = await connection.until((bytes) => bytes.includes(ask.answer), patience, 1_000);
      return (
        proven(proofOf(ground, ask, bytes, since), status) ??
        (await inTunnel(technique, ground, authority, { status, bytes, inner }))
      );
    }
    // What was sent at once may have been answered as a second request: the first answer is the one to CONNECT.
    const end = head.indexOf('\r\n\r\n');
    const bytes = end === -1 ? head : head.subarray(0, end + 4);
    return (
      proven(proofOf(ground, ask, head, since), status) ??
      withoutProof({ bytes, ended: connection.ended }, baseline, patience)
    );
  } finally {
    connection.close();
  }
}

/** Through a tunnel to itself the server is asked to fetch: the canary tells whether the inner request arrived. */
function innerRequest({ id, marks }: ConnectTechnique, { canary }: Ground, { path }: Ask): string {
  if (id === 'connect/itself') return `GET http://${canary.authority}${path} HTTP/1.0\r\n\r\n`;
  if (marks === metadataMarks)
    return `GET ${metadataPath} HTTP/1.0\r\nHost: ${metadataHosts.metadata}\r\n\r\n`;
  return `GET ${path} HTTP/1.0\r\nHost: ${canary.authority}\r\n\r\n`;
}

interface Success {
  readonly status: number;
  /** Everything that came: the head, and what may have come through a tunnel. */
  readonly bytes: Buffer;
  /** What was sent into it. */
  readonly inner: string;
}

/** A 2xx to CONNECT, and the canary was not reached. */
async function inTunnel(
  { marks = greetingMarks }: ConnectTechnique,
  { canary, patience }: Ground,
  authority: string,
  { status, bytes, inner }: Success,
): Promise<Outcome> {
  const text = bytes.toString('latin1');
  const end = text.indexOf('\r\n\r\n') + 4;
  const after = text.slice(end);
  const greeting = marks.exec(after);
  if (greeting !== null) {
    const line = after.slice(greeting.index).trim().slice(0, 80).split(/\r?\n/)[0];
    return { result: 'relays', why: `what ${authority} says came back through the tunnel: ${line}` };
  }
  // RFC 9110 section 9.3.6: a 2xx that opens a tunnel has none of these.
  if (/\n(?:content-length|transfer-encoding|content-type):/i.test(text.slice(0, end))) {
    return { result: 'answers-itself', why: `${status} with a page of its own, no tunnel` };
  }
  // Another server has this port of the canary's address: then its words are the proof.
  const port = Number(/:(\d+)$/.exec(authority)?.[1]);
  if (after !== '' && !after.startsWith('HTTP/') && canary.deaf.has(port) && authority === canary.at(port)) {
    const direct = await neighbour(canary.host, port, inner, patience);
    if (direct !== '' && direct.slice(0, 16) === after.slice(0, 16)) {
      return { result: 'relays', why: `what the server at ${authority} says came back through the tunnel` };
    }
  }
  return {
    result: 'unclear',
    why: `${status}, as if there were a tunnel, but the canary was not reached through it`,
  };
}

/** What a server of this machine says to the same bytes. */
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
