/** Open relays stop relaying behind the gateway. */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { corpus } from '../corpus/corpus.ts';
import { type ApacheServer, openProxyApache } from '../support/apache.ts';
import { type Canary, startCanary } from '../support/canary.ts';
import { aimedAt, probes, runCorpus } from '../support/corpus-run.ts';
import { corpusConfig, runGateway } from '../support/gateway.ts';
import { carelessNginx, type NginxServer } from '../support/nginx.ts';
import { nmap } from '../support/nmap.ts';
import { without } from '../support/peers.ts';
import { exchange } from '../support/raw-client.ts';

const owner = { after };

/** Each server, the bytes that make it relay, and how often its log shows them. */
const relays = [
  {
    name: 'Apache with ProxyRequests On',
    peer: 'apache2',
    start: openProxyApache,
    abuse: ({ authority }: Canary) => [
      `GET http://${authority}/x HTTP/1.1\r\nHost: ${authority}\r\nConnection: close\r\n\r\n`,
      `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\nhello\r\n`,
    ],
  },
  {
    name: 'nginx that forwards to any Host',
    peer: 'nginx',
    start: carelessNginx,
    abuse: ({ authority }: Canary) => [
      `GET /x HTTP/1.1\r\nHost: ${authority}\r\nConnection: close\r\n\r\n`,
      `GET http://www.example.com/x HTTP/1.0\r\nHost: ${authority}\r\n\r\n`,
    ],
  },
] as const;

for (const { name, peer, start, abuse } of relays) {
  suite(name, { skip: without(peer) }, async () => {
    if (without(peer) !== false) return;
    const server: ApacheServer | NginxServer = await start(owner);

    test('relays when asked directly', async (t) => {
      const canary = await startCanary(t);
      for (const [i, bytes] of abuse(canary).entries()) {
        const reply = await exchange(server.port, bytes, { until: 'close' });
        assert.ok(reply.text.includes(canary.token), reply.text);
        assert.equal(canary.connections.length, i + 1);
      }
    });

    for (const preset of ['default', 'strict', 'lenient', 'observe'])
      test(`behind the gateway, preset ${preset}: nothing of the corpus reaches the third party`, async (t) => {
        const canary = await startCanary(t);
        const gateway = await runGateway(t, `${corpusConfig(server.url)}policy: { preset: ${preset} }\n`);
        const onReply = (row: { id: string }, { text }: { text: string }) =>
          assert.ok(!text.includes(canary.token), row.id);
        await runCorpus(gateway.port, { change: aimedAt(canary.authority), onReply });
        for (const bytes of abuse(canary)) await exchange(gateway.port, bytes, { until: 1, timeout: 2000 });
        assert.deepEqual(canary.connections, []);
      });

    test("behind the gateway: no probe of the corpus reaches it, with its own target or a third party's", async (t) => {
      const canary = await startCanary(t);
      const gateway = await runGateway(t, corpusConfig(server.url));
      const before = (await server.accessLog.lines()).length;
      await runCorpus(gateway.port, { rows: probes });
      // A peer that runs health checks may name us by address, and the canary's is one of ours.
      const strangers = probes.filter(({ client }) => client === undefined);
      await runCorpus(gateway.port, { rows: strangers, change: aimedAt(canary.authority) });
      for (const bytes of abuse(canary)) await exchange(gateway.port, bytes);
      // Its log is written in order: once this line is there, so is everything before it.
      await exchange(gateway.port, 'GET /1k.txt?last HTTP/1.1\r\nHost: www.example.net\r\n\r\n', {
        until: 1,
      });
      await server.accessLog.waitFor(/\?last/);
      const lines = (await server.accessLog.lines()).slice(before);
      assert.equal(lines.length, 1, lines.join('\n'));
      assert.deepEqual(canary.connections, []);
    });

    test('behind the gateway: its own pages are unchanged', async (t) => {
      const gateway = await runGateway(t, corpusConfig(server.url));
      for (const [path, content] of server.pages) {
        for (const target of [path, `http://www.example.net${path}`]) {
          const reply = await exchange(
            gateway.port,
            `GET ${target} HTTP/1.1\r\nHost: www.example.net\r\n\r\n`,
            { until: 1 },
          );
          assert.equal(reply.responses[0]?.status, 200, target);
          assert.ok(reply.responses[0]!.body.equals(content), target);
        }
      }
    });
  });
}

test('the corpus aims at foreign hosts that the canary can stand in for', () => {
  const aimed = corpus.filter(({ bytes }) => aimedAt('127.0.0.1:9')(bytes) !== bytes);
  assert.ok(aimed.length > 100, String(aimed.length));
});

suite('nmap', { skip: without('nmap', 'apache2') }, async () => {
  if (without('nmap', 'apache2') !== false) return;
  const apache = await openProxyApache(owner);
  const canary = await startCanary(owner);
  const gateway = await runGateway(
    owner,
    `sites: [{ hosts: ["127.0.0.1:*", "localhost:*"], backend: "${apache.url}" }]\nbans: false\nrateLimit: false\n`,
  );
  const args = { 'proxy.url': canary.url, 'proxy.pattern': canary.token.replaceAll('-', '%-') };

  test('finds the open Apache, its TRACE and its methods', async () => {
    const open = await nmap({ port: apache.port, script: 'http-open-proxy', args });
    assert.match(open.scripts.get('http-open-proxy') ?? '', /open proxy/i);
    const trace = await nmap({ port: apache.port, script: 'http-trace' });
    assert.match(trace.scripts.get('http-trace') ?? '', /TRACE is enabled/);
    const methods = await nmap({ port: apache.port, script: 'http-methods' });
    assert.match(methods.scripts.get('http-methods') ?? '', /TRACE/);
  });

  test('finds none of that through the gateway', async () => {
    const before = canary.connections.length;
    const open = await nmap({ port: gateway.port, script: 'http-open-proxy', args });
    assert.equal(open.state, 'open');
    assert.equal(open.scripts.get('http-open-proxy'), undefined);
    const trace = await nmap({ port: gateway.port, script: 'http-trace' });
    assert.equal(trace.scripts.get('http-trace'), undefined);
    const methods = await nmap({ port: gateway.port, script: 'http-methods' });
    assert.doesNotMatch(methods.scripts.get('http-methods') ?? '', /TRACE|CONNECT/);
    assert.equal(canary.connections.length, before);
  });
});
