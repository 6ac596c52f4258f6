/**
 * The same request over HTTP/1.1 and HTTP/2: the same verdict, rules, and bytes at the backend. Rows of the corpus that HTTP/2 can
 * express, and ordinary requests.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type ConnectionOptions, connect } from 'node:tls';
import { parseRequestHead } from '../../src/wire/request-head.ts';
import { corpus } from '../corpus/corpus.ts';
import { certificate } from '../support/certificate.ts';
import { allowedAddress, corpusConfig, runGateway, trustedAddress } from '../support/gateway.ts';
import { recordingBackend } from '../support/recording-backend.ts';
import { data, headers, RawHttp2 } from './raw-http2.ts';

const owner = { after };
const backend = await recordingBackend(owner);
const { cert, key } = await certificate(owner, ['www.example.net']);
const gateway = await runGateway(
  owner,
  corpusConfig(backend.url),
  `listen: [{ address: "127.0.0.1:0", tls: { cert: ${cert}, key: ${key} } }]\n`,
);

interface Message {
  readonly method: string;
  readonly target: string;
  /** null: there is no Host. */
  readonly host: string | null;
  /** name, value, name, value …, names in lower case. */
  readonly fields: readonly string[];
  readonly body: string;
  readonly from?: string | undefined;
}

interface Fate {
  readonly status: string;
  readonly rules: readonly (readonly string[])[];
  readonly actions: readonly string[];
  readonly counts: readonly boolean[];
  readonly requests: readonly string[];
}

async function fateOf(send: () => Promise<string>): Promise<Fate> {
  const before = { requests: backend.requests.length, events: gateway.events.length };
  const status = await send();
  // The event comes after the answer.
  for (let i = 0; i < 2000 && !/^200/.test(status) && gateway.events.length === before.events; i++)
    await delay(10);
  const events = gateway.events.slice(before.events);
  return {
    status,
    rules: events.map(({ rules }) => [...rules].sort()),
    actions: events.map(({ action }) => action),
    counts: events.map(({ counts }) => counts),
    requests: backend.requests.slice(before.requests).map(({ raw }) => raw.toString('latin1')),
  };
}

const lines = (fields: readonly string[]): string =>
  fields.map((name, i) => (i % 2 === 0 ? `${name}: ${fields[i + 1]}\r\n` : '')).join('');

async function byHttp1({ method, target, host, fields, body, from }: Message): Promise<string> {
  const socket = connect({
    port: gateway.port,
    host: '127.0.0.1',
    localAddress: from,
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized: false,
  } as unknown as ConnectionOptions);
  socket.on('error', () => {});
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(20_000) });
    const hostLine = host === null ? '' : `host: ${host}\r\n`;
    socket.write(`${method} ${target} HTTP/1.1\r\n${hostLine}${lines(fields)}\r\n${body}`, 'latin1');
    const [bytes] = await once(socket, 'data', { signal: AbortSignal.timeout(20_000) });
    return bytes.toString('latin1').slice(9, 12);
  } finally {
    socket.destroy();
  }
}

async function byHttp2({ method, target, host, fields, body, from }: Message): Promise<string> {
  const client = await RawHttp2.open(gateway.port, [], from);
  const pseudo = [
    ':method',
    method,
    ':scheme',
    'https',
    ...(host === null ? [] : [':authority', host]),
    ':path',
    target,
  ];
  client.send(headers(1, [...pseudo, ...fields], body === '') + pieces(body));
  const fate = await client.fate(1);
  client.destroy();
  return fate;
}

/** DATA frames of the maximum size. */
const pieces = (body: string): string =>
  (body.match(/.{1,16384}/gs) ?? []).map((piece, i, all) => data(1, piece, i === all.length - 1)).join('');

/** Connection-specific fields don't exist in HTTP/2. */
const unsayable =
  /^(?:connection|keep-alive|proxy-connection|transfer-encoding|upgrade|te|expect|http2-settings)$/;

function sayable(bytes: string): Message | null {
  const head = parseRequestHead(Buffer.from(bytes, 'latin1'));
  if (head === null || !head.complete || head.defects.length > 0 || head.version !== '1.1') return null;
  if (!/^(?:\/|\*$)/.test(head.target) || head.method === 'CONNECT') return null;
  const fields: string[] = [];
  let host: string | null = null;
  let length = 0;
  for (let i = 0; i < head.rawHeaders.length; i += 2) {
    const name = head.rawHeaders[i]!.toLowerCase();
    const value = head.rawHeaders[i + 1]!;
    if (unsayable.test(name)) return null;
    if (name === 'content-length') {
      if (!/^\d+$/.test(value)) return null;
      length = Number(value);
    }
    if (name !== 'host') fields.push(name, value);
    else if (host !== null) return null;
    else host = value;
  }
  const body = bytes.slice(head.end);
  // Bytes after it are another request.
  return body.length === length ? { method: head.method, target: head.target, host, fields, body } : null;
}

const own = { host: 'www.example.net:8080', fields: [] as string[], body: '' };
const ordinary: readonly (readonly [what: string, message: Message])[] = [
  ['GET', { ...own, method: 'GET', target: '/a?b=c%0d' }],
  ['HEAD', { ...own, method: 'HEAD', target: '/' }],
  ['OPTIONS *', { ...own, method: 'OPTIONS', target: '*' }],
  ['POST', { ...own, method: 'POST', target: '/', fields: ['content-length', '5'], body: 'hello' }],
  [
    'a body that is no text',
    {
      ...own,
      method: 'PUT',
      target: '/',
      fields: ['content-length', '256'],
      body: String.fromCharCode(...Array(256).keys()),
    },
  ],
  [
    'a body like a request',
    {
      ...own,
      method: 'PUT',
      target: '/',
      fields: ['content-length', '27'],
      body: 'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    },
  ],
  ['DELETE with a length of 0', { ...own, method: 'DELETE', target: '/', fields: ['content-length', '0'] }],
  [
    'a cookie',
    { ...own, method: 'GET', target: '/', fields: ['accept', '*/*', 'cookie', 'a=b; c=d', 'x', 'y'] },
  ],
  ['fields of one name', { ...own, method: 'GET', target: '/', fields: ['x', '1', 'y', '2', 'x', '3'] }],
  [
    'an empty field, and obs-text',
    { ...own, method: 'GET', target: '/', fields: ['x', '', 'y', '\xe9\t\xff'] },
  ],
  [
    'claims of a client',
    {
      ...own,
      method: 'GET',
      target: '/',
      fields: ['x-forwarded-for', '192.0.2.9', 'forwarded', 'for=192.0.2.9', 'proxy', 'x'],
    },
  ],
  [
    'claims of a trusted proxy',
    {
      ...own,
      method: 'GET',
      target: '/',
      fields: ['x-forwarded-for', '192.0.2.9', 'x-forwarded-proto', 'https'],
      from: trustedAddress,
    },
  ],
  ['a long path', { ...own, method: 'GET', target: `/${'a'.repeat(8000)}` }],
  ['no host at all', { ...own, host: null, method: 'GET', target: '/' }],
];

suite('the same request over HTTP/1.1 and HTTP/2', () => {
  for (const [what, message] of ordinary) {
    test(what, async () => {
      const [one, two] = [await fateOf(() => byHttp1(message)), await fateOf(() => byHttp2(message))];
      assert.deepEqual(two, one);
      assert.ok(what === 'no host at all' || one.requests.length === 1);
    });
  }

  let compared = 0;
  for (const row of corpus) {
    const message = sayable(row.bytes);
    if (message === null) continue;
    compared++;
    const from = { trusted: trustedAddress, 'allow-listed': allowedAddress, none: undefined }[
      row.client ?? 'none'
    ];
    test(`${row.id}, of the corpus`, async () => {
      const [one, two] = [
        await fateOf(() => byHttp1({ ...message, from })),
        await fateOf(() => byHttp2({ ...message, from })),
      ];
      if (one.status === '400' && two.status === 'reset protocolError')
        assert.deepEqual(two.actions, ['block']);
      else assert.deepEqual(two, one);
    });
  }
  test('more than 60 rows were compared', () => assert.ok(compared > 60, String(compared)));
});
