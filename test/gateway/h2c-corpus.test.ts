/** The corpus in front of an HTTP/2 backend: no probe reaches it, and it gets what an HTTP/1 backend gets. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { corpus } from '../corpus/corpus.ts';
import type { CorpusRow } from '../corpus/row.ts';
import { allowedAddress, corpusConfig, runGateway, trustedAddress } from '../support/gateway.ts';
import { exchange } from '../support/raw-client.ts';

const owner = { after };
interface Seen {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
let seen: Seen[] = [];
const server = createServer();
server.on('sessionError', () => {});
server.on('stream', (stream: ServerHttp2Stream, headers) => {
  const pieces: Buffer[] = [];
  stream.on('error', () => {});
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  stream.on('end', () => {
    seen.push({ headers, body: Buffer.concat(pieces).toString('latin1') });
    stream.respond({ ':status': 200 });
    stream.end('ok');
  });
});
await once(server.listen(0, '127.0.0.1'), 'listening');
after(() => server.close());
const { port } = server.address() as AddressInfo;
const gateway = await runGateway(
  owner,
  corpusConfig(`"h2c://127.0.0.1:${port}"`).replace('    websocket: true\n', ''),
);
const from = { trusted: trustedAddress, 'allow-listed': allowedAddress } as const;

/** Differences between what the backend should get and what it got. */
function wrongAt({ expect, client }: CorpusRow, { headers, body }: Seen): string[] {
  if (expect.verdict === 'block') return ['it came'];
  const { line, host, has = {}, lacks = [], body: content } = expect.backend;
  const [method, path] = line.split(' ');
  const pairs: [string, unknown, unknown][] = [
    ['method', headers[':method'], method],
    ['path', headers[':path'], path],
    ['authority', headers[':authority'], host],
    ['body', body, content ?? body],
    ...Object.entries(has)
      .filter(([name]) => !/^(?:connection|upgrade|transfer-encoding|sec-websocket-.*)$/.test(name))
      // The rows expect a peer at 127.0.0.1.
      .map(([name, value]): [string, unknown, unknown] => [
        name,
        headers[name],
        client === undefined ? value : value.replace('127.0.0.1', from[client]),
      ]),
    ...lacks.map((name): [string, unknown, unknown] => [name, headers[name], undefined]),
  ];
  return pairs
    .filter(([, is, should]) => String(is) !== String(should))
    .map(([what, is, should]) => `${what} ${is}, not ${should}`);
}

const send = ({ bytes, client, expect }: CorpusRow) =>
  exchange(gateway.port, bytes, {
    until: expect.verdict === 'block' ? 'close' : 1,
    timeout: 4000,
    ...(client === undefined ? {} : { from: from[client] }),
  });

test('no probe reaches an HTTP/2 backend', async () => {
  const left = corpus.filter(({ expect }) => expect.verdict === 'block');
  assert.ok(left.length > 100);
  const lane = async (): Promise<void> => {
    for (let row = left.pop(); row !== undefined; row = left.pop()) await send(row);
  };
  await Promise.all(Array.from({ length: 16 }, lane));
  assert.deepEqual(seen, []);
});

test('an HTTP/2 backend gets what an HTTP/1 backend gets', async () => {
  const found: string[] = [];
  for (const row of corpus.filter(({ expect }) => expect.verdict !== 'block')) {
    seen = [];
    const { ended, text } = await send(row);
    if (seen.length === 0) found.push(`${row.id}: ${ended} ${text.slice(0, 80)}`);
    for (const one of seen) found.push(...wrongAt(row, one).map((what) => `${row.id}: ${what}`));
  }
  assert.deepEqual(found, []);
});
