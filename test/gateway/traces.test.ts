import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { runCheckpoint } from '../support/checkpoint.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { exchange } from '../support/raw-client.ts';

interface Span {
  readonly name: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { key: string; value: { stringValue?: string } }[];
}

test('a forwarded request becomes a span at the collector, without its query', async (t) => {
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

/** Makes the program print which tracing libraries it loads; prom-client only loads the interface, which does nothing. */
const tell = `data:text/javascript,import { registerHooks } from 'node:module';
registerHooks({ resolve: (name, context, next) => {
  if (/^@fastify.otel|^@opentelemetry.(?!api$)/.test(name)) process.stderr.write('loads ' + name + '\\n');
  return next(name, context);
} });`;

test('without `otel` nothing is traced and its libraries are not loaded', async (t) => {
  const sites = 'sites: [{ hosts: [www.example.net], backend: welcome }]\nbans: false\njournal: false\n';
  const loads = async (otel: string) => {
    const { port, process: child } = await startGatewayProcess(t, `${sites}${otel}`, ['--import', tell]);
    const { text } = await exchange(port, 'GET / HTTP/1.1\r\nHost: www.example.net\r\n\r\n', { until: 1 });
    assert.match(text, /^HTTP\/1\.1 200/);
    await child.stop();
    return child.stderr().match(/^loads .*/gm) ?? [];
  };
  assert.deepEqual(await loads(''), []);
  assert.ok((await loads('otel: { endpoint: "http://127.0.0.1:9/v1/traces" }')).length > 3);
});
