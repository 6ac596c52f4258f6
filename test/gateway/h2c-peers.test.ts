/** nginx, Apache and Caddy as HTTP/2 backends: pages, uploads, and how they end connections. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, suite, type TestContext, test } from 'node:test';
import { startApache } from '../support/apache.ts';
import { certificate } from '../support/certificate.ts';
import { runGateway } from '../support/gateway.ts';
import { http2Request, http2Session } from '../support/http2-client.ts';
import { startNginx } from '../support/nginx.ts';
import { requirePeer, without } from '../support/peers.ts';
import { startCaddy } from '../support/plain-servers.ts';
import { exchange } from '../support/raw-client.ts';
import { recordingBackend } from '../support/recording-backend.ts';
import { staticPages } from '../support/static-pages.ts';
import { tempDir } from '../support/temp-dir.ts';

const owner = { after };
const host = 'www.example.net';
const { cert, key } = await certificate(owner, [host]);
const gatewayOf = async (t: TestContext, url: string, more = '') => {
  const { port, log, gateway } = await runGateway(
    t,
    `sites: [{ hosts: [${host}], backend: "${url}", health: { interval: 100ms } ${more} }]\nbans: false\nrateLimit: false\n`,
    `listen: [{ address: "127.0.0.1:0", tls: { cert: "${cert}", key: "${key}" } }]\n`,
  );
  const session = await http2Session(t, `https://127.0.0.1:${port}`);
  const get = (path: string, fields = {}, body?: Buffer) =>
    http2Request(session, { ':path': path, ':authority': host, ...fields }, body);
  const overHttp1 = async (text: string) =>
    (
      await exchange(port, text.replace('\r\n', `\r\nHost: ${host}\r\n`), {
        tls: { servername: host },
        until: 1,
      })
    ).responses[0]!;
  const complaints = (): string[] => log.filter((line) => JSON.parse(line).level >= 40);
  return { get, overHttp1, complaints, gateway };
};
/** Pages, ranges, and a missing page. */
async function servesPages(t: TestContext, url: string, pages: ReadonlyMap<string, Buffer>, more = '') {
  const { get, overHttp1, complaints, gateway } = await gatewayOf(t, url, more);
  for (const path of ['/1k.txt', '/1m.bin', '/']) {
    const { status, body, headers } = await get(path);
    assert.deepEqual([status, body.equals(pages.get(path)!)], [200, true], path);
    assert.equal(headers['content-length'], String(body.length));
    const old = await overHttp1(`GET ${path} HTTP/1.1\r\n\r\n`);
    assert.ok(old.body.equals(pages.get(path)!), `${path} over HTTP/1.1`);
  }
  const part = await get('/1k.txt', { range: 'bytes=10-19' });
  assert.deepEqual(
    [part.status, part.body.toString()],
    [206, pages.get('/1k.txt')!.toString('latin1', 10, 20)],
  );
  const head = await get('/1k.txt', { ':method': 'HEAD' });
  assert.deepEqual([head.status, head.headers['content-length'], head.body.length], [200, '1024', 0]);
  assert.equal((await overHttp1('HEAD /1k.txt HTTP/1.1\r\n\r\n')).status, 200);
  const unchanged = await get('/1k.txt', { 'if-none-match': String(head.headers.etag) });
  assert.deepEqual([unchanged.status, unchanged.body.length], [304, 0]);
  assert.equal((await get('/nothing')).status, 404);
  for (let round = 0; round < 6; round++) {
    const replies = await Promise.all(Array.from({ length: 30 }, () => get('/64k.txt')));
    for (const { status, body } of replies)
      assert.deepEqual([status, body.equals(pages.get('/64k.txt')!)], [200, true]);
  }
  assert.deepEqual(complaints(), []);
  assert.equal(gateway.backends[0]!.health.state(performance.now()), 'healthy');
}

suite('an HTTP/2 backend', () => {
  test('nginx, which ends each connection after ten requests', { skip: without('nginx') }, async (t) => {
    const echo = await recordingBackend(t, {
      answer: ({ body }) =>
        `HTTP/1.1 200 OK\r\nContent-Length: ${String(body.length).length}\r\n\r\n${body.length}`,
    });
    const nginx = await startNginx(t, {
      config: ({ port, root }) => `server {
        listen 127.0.0.1:${port} http2; root ${root}; keepalive_requests 10; client_max_body_size 0;
        location /up { proxy_pass ${echo.url}; }
        location /early { return 200 early; }
      }`,
    });
    const url = `h2c://${nginx.authority}`;
    await servesPages(t, url, nginx.pages);
    const { get, complaints } = await gatewayOf(t, url);
    const large = Buffer.alloc(3_000_000, 'u');
    const sent = await Promise.all([1, 2, 3].map(() => get('/up', { ':method': 'POST' }, large)));
    assert.deepEqual(
      sent.map(({ status, body }) => [status, body.toString()]),
      Array(3).fill([200, '3000000']),
    );
    const early = await get('/early', { ':method': 'POST' }, large);
    assert.deepEqual([early.status, early.body.toString()], [200, 'early']);
    assert.deepEqual(complaints(), []);
  });

  test('Apache with mod_http2', { skip: without('apache2') }, async (t) => {
    requirePeer('apache2');
    const apache = await startApache(t, { modules: ['http2'], config: 'Protocols h2c http/1.1\n' });
    await servesPages(t, `h2c://${apache.authority}`, apache.pages);
  });

  test('Caddy, over TLS', { skip: without('caddy') }, async (t) => {
    const { root } = await staticPages(join(await tempDir(t, 'caddy-pages'), 'htdocs'));
    const caddy = await startCaddy(t, ['tls internal', `root * ${root}`, 'file_server'], `https://${host}`);
    const { get, complaints } = await gatewayOf(
      t,
      `h2://${caddy.authority}`,
      `, backendTls: { verify: false, servername: ${host} }`,
    );
    const { status, body } = await get('/1m.bin');
    assert.deepEqual([status, body.length], [200, 1_048_576]);
    assert.deepEqual(complaints(), []);
    const strict = await gatewayOf(t, `h2://${caddy.authority}`, `, backendTls: { servername: ${host} }`);
    assert.equal((await strict.get('/')).status, 502);
    assert.match(strict.complaints().join(), /certificate/);
  });

  test('a TLS server without HTTP/2: 502', { skip: without('nginx') }, async (t) => {
    const nginx = await startNginx(t, {
      config: ({ port, root }) =>
        `server { listen 127.0.0.1:${port} ssl; root ${root}; ssl_certificate ${cert}; ssl_certificate_key ${key}; }`,
    });
    const { get, complaints } = await gatewayOf(
      t,
      `h2://${nginx.authority}`,
      ', backendTls: { verify: false }',
    );
    assert.equal((await get('/')).status, 502);
    assert.match(complaints().join(), /does not speak HTTP\/2 over TLS: write https:\/\//);
  });
});
