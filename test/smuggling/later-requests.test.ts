/** A request is judged by its bytes at any place on its connection, even if Node's parser reads them leniently. */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { certificate } from '../support/certificate.ts';
import { runGateway } from '../support/gateway.ts';
import { exchange, type RawOptions } from '../support/raw-client.ts';
import { recordingBackend } from '../support/recording-backend.ts';

const owner = { after };
const backend = await recordingBackend(owner);
const sites = `sites: [{ hosts: [www.example.net], backend: "${backend.url}", websocket: true }]\nrateLimit: false\nbans: false\n`;
const { cert, key } = await certificate(owner, ['www.example.net']);
const listen = (more: string): string => `listen: [{ address: "127.0.0.1:0"${more} }]\n`;
const tls = `, tls: { cert: "${cert}", key: "${key}" }`;
const plain = await runGateway(owner, sites);
const secure = await runGateway(owner, sites, listen(tls));
const proxied = await runGateway(
  owner,
  `${sites}trustedProxies: [127.0.0.1]\n`,
  listen(', proxyProtocol: true'),
);

const host = 'Host: www.example.net\r\n';
const get = `GET /before HTTP/1.1\r\n${host}\r\n`;
const withLength = `POST /before HTTP/1.1\r\n${host}Content-Length: 20\r\n\r\nGET /x HTTP/1.1\r\n\r\n\0`;
const chunked = `POST /before HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n`;

/** Node's parser leniently reads each as a request for `/x`. */
const lines: readonly [what: string, bytes: string, rule: string][] = [
  ['another protocol', `GET /x RTSP/1.0\r\n${host}\r\n`, 'framing'],
  ['two spaces', `GET  /x HTTP/1.1\r\n${host}\r\n`, 'framing'],
  ['two spaces before the version', `GET /x  HTTP/1.1\r\n${host}\r\n`, 'framing'],
  ['a decoy in a field', `GET  /x HTTP/1.1\r\n${host}X: GET /x HTTP/1.1\r\n\r\n`, 'framing'],
  [
    'a decoy in the body',
    `POST  /x HTTP/1.1\r\n${host}Content-Length: 20\r\n\r\nPOST /x HTTP/1.1\r\n\r\n`,
    'framing',
  ],
  [
    'an upgrade',
    `GET  /x HTTP/1.1\r\n${host}Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
    'framing',
  ],
  ['empty lines before it', `\r\n\r\nGET  /x HTTP/1.1\r\n${host}\r\n`, 'framing'],
  // The head is malformed, but the event still names the target.
  [
    'a foreign target, followed by a malformed field',
    'GET http://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\nBad Field: x\r\n\r\n',
    'absolute-form-foreign',
  ],
];

/** The packets before it; the last one also holds the line. */
const places: readonly [where: string, before: readonly string[]][] = [
  ['first', ['']],
  ['after a plain request', [get, '']],
  ['in the packet of a plain request', [get]],
  ['after one with a body', [withLength, '']],
  ['in the packet of one with a body', [withLength]],
  ['after a chunked one', [chunked, '']],
  ['in the packet of a chunked one', [chunked]],
  ['after many of every kind', [get, chunked + get + withLength, withLength + get, '']],
  ['in the packet of many of every kind', [get, chunked + get + withLength, get + withLength]],
  ['after a body in two pieces', [chunked.slice(0, -12), `${chunked.slice(-12)}${get}`]],
];

const served = (before: readonly string[]): number => before.join('').split('/before').length - 1;

async function send(
  { port, events }: typeof plain,
  pieces: readonly string[],
  options: RawOptions,
): Promise<{ statuses: number[]; rules: (string | null)[]; reached: string[] }> {
  const seen = events.length;
  const reached = backend.requests.length;
  const { responses } = await exchange(port, pieces, {
    gap: 25,
    timeout: 1500,
    methods: ['GET'],
    ...options,
  });
  return {
    statuses: responses.map(({ status }) => status),
    rules: events.slice(seen).map(({ rule }) => rule),
    reached: backend.requests
      .slice(reached)
      .map(({ requestLine }) => requestLine.split(' ')[1]!)
      .sort(),
  };
}

for (const [way, gateway, first, options] of [
  ['plain', plain, '', {}],
  ['TLS', secure, '', { tls: {} }],
  ['the PROXY protocol', proxied, 'PROXY TCP4 192.0.2.1 192.0.2.2 1111 80\r\n', {}],
] as const)
  suite(`over ${way}`, () => {
    for (const [where, before] of places)
      for (const [what, bytes, rule] of lines)
        test(`${what}, ${where}`, async () => {
          const pieces = [...before.slice(0, -1), before.at(-1)! + bytes];
          const { statuses, rules, reached } = await send(
            gateway,
            [first + pieces[0]!, ...pieces.slice(1)],
            options,
          );
          const requests = served(before);
          // Another protocol is recognised only at the start of a connection.
          const named = what === 'another protocol' && where === 'first';
          assert.deepEqual(rules, [named ? 'not-http' : rule]);
          assert.deepEqual(statuses, [...Array<number>(requests).fill(200), rule === 'framing' ? 400 : 421]);
          assert.deepEqual(reached, Array(requests).fill('/before'));
        });
  });

suite('bytes that only look like a malformed request line pass', () => {
  const ask = `GET /x HTTP/1.1\r\n${host}\r\n`;
  const twoSpaces = 'GET  /x HTTP/1.1\r\n';
  const body = `${twoSpaces}${host}\r\n`;
  const size = body.length.toString(16);
  const post = `POST /before HTTP/1.1\r\n${host}`;
  for (const [what, pieces] of [
    ['a body like it, with its length', [`${post}Content-Length: ${body.length}\r\n\r\n${body}${ask}`]],
    ['a body like it, in a packet of its own', [`${post}Content-Length: ${body.length}\r\n\r\n`, body + ask]],
    ['a chunk like it', [`${post}Transfer-Encoding: chunked\r\n\r\n${size}\r\n${body}\r\n0\r\n\r\n${ask}`]],
    [
      'a chunk like it, in a packet of its own',
      [`${post}Transfer-Encoding: chunked\r\n\r\n${size}\r\n`, `${body}\r\n0\r\n\r\n${ask}`],
    ],
    ['a field like it', [get, `GET /x HTTP/1.1\r\nX: ${twoSpaces}${host}\r\n`]],
    ['empty lines before', [`${chunked}\r\n\r\n`, `\r\n${ask}`]],
    ...[5, 12, 20, 40].map((cut): [string, string[]] => [
      `a head in two pieces, cut at ${cut}`,
      [chunked + ask.slice(0, cut), ask.slice(cut)],
    ]),
  ] as readonly [string, string[]][])
    test(what, async () => {
      const { statuses, rules, reached } = await send(plain, pieces, { until: 2 });
      assert.deepEqual([rules, statuses, reached], [[], [200, 200], ['/before', '/x']]);
    });
});
