import type { ProbeEvent } from '../../src/events/event.ts';

/** An event of a blocked CONNECT. */
export const probeOf = (client: string, over: Partial<ProbeEvent> = {}): ProbeEvent => ({
  time: 1_700_000_000_000,
  listener: 'http 127.0.0.1:80',
  client,
  site: null,
  action: 'block',
  rule: 'connect',
  counts: over.action === undefined || over.action === 'block',
  rules: ['connect'],
  intent: 'web',
  destination: 'www.example.com:443',
  answer: 405,
  why: 'The sender wanted a tunnel.',
  request: 'CONNECT www.example.com:443 HTTP/1.1',
  bytes: 'CONNECT www.example.com:443 HTTP/1.1\\r\\n\\r\\n',
  ...over,
});
