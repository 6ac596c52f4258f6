/** The real gateway in this process, on an ephemeral port. */
import { pino } from 'pino';
import { parseConfig } from '../../src/config/load.ts';
import type { ProbeEvent } from '../../src/events/event.ts';
import { type Gateway, startGateway } from '../../src/program/gateway.ts';
import type { Owner } from './owner.ts';

export interface RunningGateway {
  readonly port: number;
  readonly gateway: Gateway;
  /** Every event so far. */
  readonly events: readonly ProbeEvent[];
  /** The log so far, one JSON line each. */
  readonly log: readonly string[];
}

/** Trusted peers and allow-listed clients of test configs; loopback has many addresses. */
export const trustedAddress = '127.0.0.2';
export const allowedAddress = '127.0.0.3';

/**
 * @param yaml the config, without `listen`
 * @param listen that part of it
 */
export async function runGateway(
  owner: Owner,
  yaml: string,
  listen = 'listen: ["127.0.0.1:0"]\n',
): Promise<RunningGateway> {
  const events: ProbeEvent[] = [];
  const log: string[] = [];
  const gateway = await startGateway(parseConfig(listen + yaml, '.'), {
    log: pino({ level: 'info' }, { write: (line: string) => log.push(line) }),
    onEvent: (event) => events.push(event),
  });
  owner.after(() => gateway.close(0));
  return { port: Number(gateway.listeners[0]!.split(':').at(-1)), gateway, events, log };
}

/** The sites that the corpus is judged by, in front of one backend. */
export const corpusConfig = (backend: string): string => `
sites:
  - hosts: ["www.example.net:8080", example.net, gate.example.net, "*.shop.example.net", bücher.example.net, 192.0.2.80, "[2001:db8::80]"]
    backend: ${backend}
    websocket: true
  - hosts: [static.example.net]
    backend: ${backend}
trustedProxies: [${trustedAddress}]
bans: { after: 1000, allow: [${allowedAddress}] }
rateLimit: false
`;
