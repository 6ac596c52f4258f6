/** Journal rows to make reports of. */

import { detectProtocol } from '../../src/events/detected-protocol.ts';
import type { JournalEvent } from '../../src/events/journal-query.ts';
import { type Source, Sources } from '../../src/reports/sources.ts';
import { rowOf as corpusRowOf, kinds } from '../corpus/today.ts';

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

export function sourcesOf(...rows: ReturnType<typeof rowOf>[]): Source[] {
  const sources = new Sources(() => false);
  sources.add(rows);
  return sources.list();
}

/** What a journal can hold: IPv4 and IPv6, ports known and unknown, old and folded rows, and every protocol that scanners speak today. */
export const manifold = (): Source[] =>
  sourcesOf(
    rowOf(),
    rowOf({ clientPort: 40_001, count: 2_000_000_000 }),
    rowOf({ client: '198.51.100.8', clientPort: null }),
    rowOf({ client: '198.51.100.9', localAddress: null, localPort: null, session: null, protocol: null }),
    rowOf({ client: '198.51.100.10', clientPort: 0, localPort: 65_535, last: at }),
    rowOf({ client: '2001:db9::7', localAddress: '2001:db9::80', protocol: 'socks5', rule: 'socks5' }),
    rowOf({ client: '2001:db9:0:1:2:3:4:5', rule: 'smtp-auth-failed', protocol: 'smtp', count: 9 }),
    ...kinds.map((kind, index) => {
      const { protocol = null } = detectProtocol(Buffer.from(corpusRowOf(kind).bytes, 'latin1'));
      return rowOf({ client: `203.0.112.${index + 1}`, protocol });
    }),
  );
