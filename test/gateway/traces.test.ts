import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { runCheckpoint } from '../support/checkpoint.ts';

interface Span {
  readonly name: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { key: string; value: { stringValue?: string } }[];
}

test('a request that is let in becomes a span at the collector, without its query', async (t) => {
  const got = Promise.withResolvers<string>();
  const collector = createServer(async (req, res) => {
    let body = '';
    for await (const chunk of req.setEncoding('utf8')) body += chunk;
    res.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    got.resolve(body);
  });
  await once(collector.listen(0, '127.0.0.1'), 'listening');
  t.after(() => collector.closeAllConnections());
  t.after(() => collector.close());
  const { port } = collector.address() as AddressInfo;
  const { probe } = await runCheckpoint(
    t,
    `otel: { endpoint: "http://127.0.0.1:${port}/v1/traces", sample: 1 }\n`,
  );
  assert.match(
    await probe('GET /path?token=secret HTTP/1.1\r\nHost: www.example.net:8080\r\n\r\n'),
    /^HTTP\/1\.1 200/,
  );
  const body = await got.promise;
  assert.ok(!body.includes('secret'), body);
  const { resourceSpans } = JSON.parse(body) as { resourceSpans: { scopeSpans: { spans: Span[] }[] }[] };
  const [span] = resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
  assert.equal(span!.name, 'GET www.example.net');
  const value = (key: string) => span!.attributes.find((one) => one.key === key)?.value.stringValue;
  assert.deepEqual([value('url.path'), value('sekisho.verdict')], ['/path', 'allow']);
});
