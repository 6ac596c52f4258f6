/** The real servers behave as the tests assume: the open ones relay, the plain ones do not. */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { openProxyApache, plainApache } from './apache.ts';
import { startCanary } from './canary.ts';
import { carelessNginx, plainNginx } from './nginx.ts';
import { nmap } from './nmap.ts';
import { peer, without } from './peers.ts';
import { exchange } from './raw-client.ts';

const owner = { after };
const canary = await startCanary(owner);
const servers = {
  openApache: peer('apache2') === null ? null : await openProxyApache(owner),
  plainApache: peer('apache2') === null ? null : await plainApache(owner),
  carelessNginx: peer('nginx') === null ? null : await carelessNginx(owner),
  plainNginx: peer('nginx') === null ? null : await plainNginx(owner),
};

for (const [name, server] of Object.entries(servers)) {
  const skip = without(name.endsWith('Apache') ? 'apache2' : 'nginx');

  test(`${name} serves its own pages and logs them`, { skip }, async () => {
    assert.ok(server);
    for (const [path, content] of server.pages) {
      const reply = await exchange(server.port, `GET ${path} HTTP/1.0\r\nHost: www.example.net\r\n\r\n`);
      assert.equal(reply.responses[0]?.status, 200, reply.text.slice(0, 500));
      assert.deepEqual(reply.responses[0]?.body, content, path);
    }
    await server.accessLog.waitFor(/"GET \/folder\/page\.html HTTP\/1\.0" 200 /);
  });
}

describe('an Apache with ProxyRequests On', { skip: without('apache2') }, () => {
  test('relays an absolute-form request', async () => {
    const reply = await exchange(
      servers.openApache!.port,
      `GET ${canary.url}judge.php HTTP/1.0\r\nHost: ${canary.authority}\r\n\r\n`,
    );
    assert.match(reply.text, new RegExp(canary.token));
    await servers.openApache!.accessLog.waitFor(new RegExp(`"GET ${canary.url}judge\\.php HTTP/1\\.0" 200 `));
    const seen = canary.connections.map(({ bytes }) => bytes.toString('latin1'));
    assert.ok(
      seen.some((bytes) => bytes.startsWith('GET /judge.php ')),
      seen.join('\n'),
    );
  });

  test('tunnels', async () => {
    const reply = await exchange(
      servers.openApache!.port,
      [`CONNECT ${canary.authority} HTTP/1.1\r\nHost: ${canary.authority}\r\n\r\n`, 'EHLO relay\r\n'],
      { gap: 100 },
    );
    assert.equal(reply.responses[0]?.status, 200, reply.text);
    assert.equal(reply.rest.toString(), `${canary.token}\r\n`);
  });

  test('is found by nmap', { skip: without('nmap') }, async () => {
    const report = await nmap({
      port: servers.openApache!.port,
      script: 'http-open-proxy',
      args: { 'proxy.url': canary.url, 'proxy.pattern': canary.token.replaceAll('-', '%-') },
    });
    assert.equal(report.state, 'open');
    assert.match(report.scripts.get('http-open-proxy') ?? '', /Potentially OPEN proxy.*GET HEAD/s);
  });
});

describe('a careless nginx', { skip: without('nginx') }, () => {
  test('relays to the Host line', async () => {
    const reply = await exchange(
      servers.carelessNginx!.port,
      `GET /?careless HTTP/1.1\r\nHost: ${canary.authority}\r\nConnection: close\r\n\r\n`,
    );
    assert.match(reply.text, new RegExp(canary.token));
  });

  test("fails on a name that it can't resolve", async () => {
    const reply = await exchange(
      servers.carelessNginx!.port,
      'GET / HTTP/1.0\r\nHost: relay.invalid\r\n\r\n',
    );
    assert.equal(reply.responses[0]?.status, 502);
  });
});

for (const name of ['plainApache', 'plainNginx'] as const) {
  const skip = without(name === 'plainApache' ? 'apache2' : 'nginx', 'nmap');

  test(`${name} does not relay, and nmap agrees`, { skip }, async () => {
    const server = servers[name]!;
    const before = canary.connections.length;
    for (const request of [
      `GET ${canary.url} HTTP/1.1\r\nHost: ${canary.authority}\r\nConnection: close\r\n\r\n`,
      `GET / HTTP/1.1\r\nHost: ${canary.authority}\r\nConnection: close\r\n\r\n`,
      `CONNECT ${canary.authority} HTTP/1.1\r\nHost: ${canary.authority}\r\n\r\n`,
    ]) {
      const reply = await exchange(server.port, request, { until: 1 });
      assert.equal(reply.responses.length, 1, reply.text);
      assert.doesNotMatch(reply.text, new RegExp(canary.token));
    }
    const report = await nmap({
      port: server.port,
      script: 'http-open-proxy',
      args: { 'proxy.url': canary.url, 'proxy.pattern': canary.token.replaceAll('-', '%-') },
    });
    assert.equal(report.state, 'open');
    assert.equal(report.scripts.get('http-open-proxy'), undefined);
    assert.equal(canary.connections.length, before);
  });
}
