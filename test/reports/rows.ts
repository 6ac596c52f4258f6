/** Journal rows to make reports of. */
import type { JournalEvent } from '../../src/events/journal-query.ts';

export const at = Date.UTC(2026, 10, 29, 10, 0, 0, 250);

/** A refused CONNECT from 203.0.113.7, with some fields replaced. */
export const rowOf = (differs: Partial<JournalEvent> = {}): JournalEvent => ({
  ...{ id: 1, first: at, last: at + 1000, count: 1, listener: 'http 192.0.2.80:80', site: null },
  ...{
    client: '203.0.113.7',
    prefix: '203.0.113.7/32',
    action: 'block',
    rule: 'connect',
    rules: ['connect'],
  },
  ...{ intent: 'web', destination: 'www.example.com:443', answer: 405, why: 'The sender wanted a tunnel.' },
  ...{
    request: 'CONNECT www.example.com:443 HTTP/1.1',
    counts: true,
    bytes: 'CONNECT www.example.com:443 HTTP/1.1',
  },
  ...{
    clientPort: 40_000,
    localAddress: '192.0.2.80',
    localPort: 3128,
    session: 'a-1',
    protocol: 'http/1.1',
  },
  ...differs,
});
