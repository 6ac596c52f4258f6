import { clientPrefix } from '../../src/address/ip.ts';
import type { ProbeEvent } from '../../src/events/event.ts';
import type { FoldedEvent } from '../../src/events/fold.ts';

/** A probe event with something in every field. */
export const probeEventOf = (differing: Partial<ProbeEvent> = {}): ProbeEvent => ({
  time: 1_700_000_000_000,
  listener: 'http 192.0.2.80:8080',
  client: '198.51.100.7',
  site: null,
  action: 'block',
  rule: 'connect',
  counts: true,
  rules: ['connect', 'proxy-connection'],
  intent: 'mail-relay',
  destination: 'mx.example.com:25',
  answer: 405,
  why: 'The sender wanted a tunnel through this server: mx.example.com:25.',
  request: 'CONNECT mx.example.com:25 HTTP/1.1',
  bytes: 'CONNECT mx.example.com:25 HTTP/1.1\\r\\nHost: mx.example.com:25\\r\\n\\r\\n',
  ...differing,
});

export function foldedEventOf(differing: Partial<FoldedEvent> = {}): FoldedEvent {
  const event = probeEventOf(differing);
  return {
    ...event,
    prefix: clientPrefix(event.client) ?? event.client,
    count: 1,
    last: event.time,
    ...differing,
  };
}
