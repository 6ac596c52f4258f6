/** The attacks, each at a rate that a single sender can sustain. */
import { frameTypes } from '../../src/wire/h2-frames.ts';
import { frame, headers, pseudo, RawHttp2, request } from '../../test/http2/raw-http2.ts';
import { every, freshClient, holds, type Ports, proxy, type Running, sends, uploads } from './senders.ts';

export interface Attack {
  readonly name: string;
  /** The prefix it comes from, if it has one to itself. */
  readonly clients?: string;
  /** The rule that records it as an offence once there was enough of it. */
  readonly offence?: 'framing' | 'host-foreign';
  start(ports: Ports): Running;
}

const own = 'Host: www.example.net\r\n';
const by = (client: string): string => `X-Forwarded-For: ${client}\r\n`;
const banned = '203.0.113.66';

/** Requests from a different client each time, through a trusted proxy, so that no client is banned yet. */
const fresh = (name: string, perSecond: number, head: () => string): Attack => ({
  name,
  start: ({ http }) =>
    sends({ port: http, from: proxy, perSecond, bytes: () => `${head()}${by(freshClient())}\r\n` }),
});

/** Bytes sent first on each connection. */
const bytes = (name: string, perSecond: number, what: string): Attack => ({
  name,
  start: ({ http }) => sends({ port: http, perSecond, bytes: () => what }),
});

const random = (length: number): string =>
  Array.from({ length }, () => String.fromCharCode(97 + Math.floor(Math.random() * 26))).join('');

/** Number of HTTP/2 attacks so far: each gets eight addresses of its own, so that a ban from one does not stop the next. */
let http2Attacks = 0;

/** HTTP/2 frames, on four connections that are reopened when they close. */
const frames = (
  name: string,
  perSecond: number,
  make: (i: number) => string,
  offence?: Attack['offence'],
  first = 8 * http2Attacks++,
): Attack => ({
  name,
  clients: `127.0.2.${first}/29`,
  ...(offence === undefined ? {} : { offence }),
  start: ({ tls }) => {
    const clients: (RawHttp2 | null)[] = [null, null, null, null];
    let at = 0;
    let over = false;
    const connect = async (slot: number): Promise<void> => {
      const client = await RawHttp2.open(tls, [], `127.0.2.${first + 1 + slot}`);
      if (over) client.socket.destroy();
      else clients[slot] = client;
    };
    const reconnecting = every(20, () => {
      for (const [slot, client] of clients.entries()) {
        if (client !== null && !client.closed) continue;
        clients[slot] = null;
        void connect(slot).catch(() => {});
        return;
      }
    });
    const sending = every(perSecond, () => {
      const client = clients[at++ % clients.length];
      if (client != null && !client.closed && !client.socket.writableNeedDrain) client.send(make(at));
      if (client != null) client.frames.length = 0;
    });
    return () => {
      over = true;
      reconnecting();
      sending();
      for (const client of clients) client?.socket.destroy();
    };
  },
});

const stream = (i: number): number => (i % 100_000) * 2 + 1;

export const attacks: readonly Attack[] = [
  fresh(
    'foreign absolute-form, a new client each time',
    300,
    () => 'GET http://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\n',
  ),
  fresh(
    'CONNECT, a new client each time',
    300,
    () => 'CONNECT mail.example.com:25 HTTP/1.1\r\nHost: mail.example.com:25\r\n',
  ),
  fresh(
    'a new foreign host of 200 characters each time',
    300,
    () => `GET / HTTP/1.1\r\nHost: ${random(60)}.${random(60)}.${random(60)}.example\r\n`,
  ),
  fresh('a non-ASCII Host of 15 KB', 100, () => `GET / HTTP/1.1\r\nHost: ${'\xfc'.repeat(15_000)}\r\n`),
  fresh('a query of 17 KB', 100, () => `GET /?${'a'.repeat(17_000)} HTTP/1.1\r\n${own}`),
  fresh(
    'a Cookie of 15 KB with 600 names',
    100,
    () =>
      `GET http://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\nCookie: ${'token_a=b; refresh="c"; '.repeat(640)}\r\n`,
  ),
  fresh(
    'a path of 15 KB full of escapes',
    100,
    () => `GET /proxy/http:%2f%2f10.0.0.1/${'%2f%2e%2e//http:%5c'.repeat(740)} HTTP/1.1\r\n${own}`,
  ),
  bytes(
    '1,000 header fields of interest',
    100,
    `GET / HTTP/1.1\r\n${own}${'X-Host: a\r\n'.repeat(1000)}\r\n`,
  ),
  fresh(
    'Content-Length and Transfer-Encoding',
    300,
    () => `POST / HTTP/1.1\r\n${own}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n`,
  ),
  {
    name: 'requests over the limit',
    start: ({ http }) =>
      sends({
        port: http,
        from: proxy,
        perSecond: 300,
        bytes: () => `GET / HTTP/1.1\r\nHost: few.example.net\r\n${by('203.0.113.77')}\r\n`,
      }),
  },
  {
    name: 'a banned client, a connection per request',
    start: ({ http }) =>
      sends({
        port: http,
        from: '127.0.0.71',
        perSecond: 300,
        bytes: () => `GET http://www.example.com/ HTTP/1.1\r\nX: ${'a'.repeat(8000)}\r\n\r\n`,
      }),
  },
  {
    name: 'a banned client behind a trusted proxy, heads of 15 KB',
    start: ({ http }) =>
      sends({
        port: http,
        from: proxy,
        perSecond: 300,
        bytes: () =>
          `GET http://www.example.com/ HTTP/1.1\r\nHost: a\r\n${by(banned)}X: ${'a'.repeat(15_000)}\r\n\r\n`,
      }),
  },
  bytes('SOCKS 5', 300, '\x05\x01\x00\x05\x01\x00\x01\x08\x08\x08\x08\x00\x50'),
  bytes('bytes of an unknown protocol', 300, '\x00\xff\x10\x80'.repeat(500)),
  bytes('TLS on the plain port', 300, `\x16\x03\x01\x02\x00\x01${'\x00'.repeat(512)}`),
  {
    name: 'connections reset in the middle of a request',
    start: ({ http }) =>
      sends({
        port: http,
        perSecond: 300,
        reset: true,
        bytes: () => `POST / HTTP/1.1\r\n${own}Content-Length: 100\r\n\r\nabc`,
      }),
  },
  {
    name: 'endless heads, 1 MiB each',
    start: ({ http }) =>
      sends({
        port: http,
        perSecond: 20,
        bytes: () => `GET / HTTP/1.1\r\n${own}X: ${'a'.repeat(1024 * 1024)}`,
      }),
  },
  {
    name: '2,000 heads, one byte per second each',
    start: ({ http }) => holds({ port: http, connections: 2000, first: 'GET / HTTP/1.1\r\nX: ', drip: 'a' }),
  },
  {
    name: '1,000 bodies, one byte per second each',
    start: ({ http }) =>
      holds({
        port: http,
        connections: 1000,
        first: `POST / HTTP/1.1\r\n${own}Content-Length: 100000\r\n\r\n`,
        drip: 'a',
      }),
  },
  {
    name: '100 clients that do not read their responses of 8 MiB',
    start: ({ http }) =>
      holds({ port: http, connections: 100, first: `GET /large HTTP/1.1\r\n${own}\r\n`, deaf: true }),
  },
  {
    name: 'endless bodies, 100 MB per second',
    start: ({ http }) =>
      uploads(http, `POST / HTTP/1.1\r\n${own}Content-Length: 4000000000000\r\n\r\n`, 100_000_000),
  },
  {
    name: '3,000 idle connections',
    start: ({ http }) => holds({ port: http, connections: 3000, first: '' }),
  },
  {
    name: 'WebSockets opened and dropped',
    start: ({ http }) =>
      sends({
        port: http,
        perSecond: 100,
        reset: true,
        bytes: () =>
          `GET /ws HTTP/1.1\r\n${own}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
      }),
  },
  frames(
    'HTTP/2: requests reset at once (CVE-2023-44487)',
    500,
    (i) => request(stream(i)) + frame(frameTypes.rstStream, 0, stream(i), '\0\0\0\x08'),
    'framing',
  ),
  frames(
    'HTTP/2: probes',
    200,
    (i) =>
      headers(stream(i), [
        ':method',
        'GET',
        ':scheme',
        'https',
        ':authority',
        'www.example.com',
        ':path',
        '/',
      ]),
    'host-foreign',
  ),
  frames('HTTP/2: PING', 1000, () => frame(frameTypes.ping, 0, 0, '12345678')),
  frames('HTTP/2: SETTINGS', 1000, () => frame(frameTypes.settings, 0, 0)),
  frames(
    'HTTP/2: endless CONTINUATION (VU#421644)',
    300,
    (i) =>
      frame(frameTypes.headers, 0, stream(i), '') +
      frame(frameTypes.continuation, 0, stream(i), 'a'.repeat(8000)).repeat(4),
    'framing',
  ),
  frames('HTTP/2: small field blocks that decode to many fields (HPACK bomb)', 100, (i) =>
    headers(stream(i), [...pseudo(), ...Array.from({ length: 200 }, () => ['cookie', 'a=b']).flat()]),
  ),
  frames(
    'HTTP/2: empty DATA',
    500,
    (i) => (i % 50 === 0 ? request(stream(i), false) : frame(frameTypes.data, 0, stream(i - (i % 50)), '')),
    'framing',
  ),
  frames('HTTP/2: WINDOW_UPDATE', 1000, () => frame(frameTypes.windowUpdate, 0, 0, '\0\0\0\x01')),
  {
    name: 'aborted TLS handshakes',
    start: ({ tls }) =>
      sends({
        port: tls,
        perSecond: 100,
        reset: true,
        bytes: () => `\x16\x03\x01\x00\x40${'a'.repeat(64)}`,
      }),
  },
  {
    name: 'mail for foreign recipients',
    start: ({ smtp }) =>
      sends({
        port: smtp,
        greeted: true,
        perSecond: 100,
        bytes: () =>
          'EHLO a.example\r\nMAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\r\nRCPT TO:<@x:c@c.example>\r\nQUIT\r\n',
      }),
  },
  {
    name: 'a decoy that speaks HTTP',
    start: ({ decoy }) =>
      sends({
        port: decoy,
        perSecond: 200,
        bytes: () => 'CONNECT mail.example.com:25 HTTP/1.1\r\n\r\n',
      }),
  },
  {
    name: 'wrong tokens for the dashboard',
    start: ({ admin }) =>
      sends({
        port: admin,
        from: '127.0.0.78',
        perSecond: 100,
        bytes: () =>
          `GET /api/summary HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${random(32)}\r\nConnection: close\r\n\r\n`,
      }),
  },
];
