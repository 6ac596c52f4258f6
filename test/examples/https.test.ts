/** The files of behind-apache and behind-nginx as they are, HTTPS included: real servers behind a checkpoint that speaks TLS. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { startApache } from '../support/apache.ts';
import { certificate } from '../support/certificate.ts';
import { freePort } from '../support/free-port.ts';
import { startNginx } from '../support/nginx.ts';
import { without } from '../support/peers.ts';
import { startProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import type { StaticPages } from '../support/static-pages.ts';
import { tempDir } from '../support/temp-dir.ts';
import { example, root } from './example.ts';

const owner = { after };

interface Doors {
  readonly plain: number;
  readonly secure: number;
}

/** The example's config, with other ports and certificate files. */
async function startInFront(folder: string, backend: number): Promise<Doors> {
  const dir = await tempDir(owner, 'https');
  const { cert, key } = await certificate(owner, ['www.example.net', 'example.net'], dir);
  const doors = { plain: await freePort(), secure: await freePort() };
  const text = example(`${folder}/sekisho.yaml`, {
    '0.0.0.0:80': `127.0.0.1:${doors.plain}`,
    '0.0.0.0:443': `127.0.0.1:${doors.secure}`,
    'acme: { email: admin@example.net, terms: agreed }': `{ cert: ${cert}, key: ${key} }`,
    '127.0.0.1:8081': `127.0.0.1:${backend}`,
  });
  await writeFile(join(dir, 'sekisho.yaml'), text);
  const program = await startProcess(owner, process.execPath, [
    ...[`${root}/src/cli.ts`, 'start', '--config', join(dir, 'sekisho.yaml')],
  ]);
  await program.waitForLine(new RegExp(`^listening https 127.0.0.1:${doors.secure}$`));
  await program.waitForPort(doors.plain);
  return doors;
}

async function testHttps(pages: StaticPages, { plain, secure }: Doors): Promise<void> {
  const challenge = join(pages.root, '.well-known/acme-challenge');
  await mkdir(challenge, { recursive: true });
  await writeFile(join(challenge, 'token'), 'proof');
  const get = (path: string): string =>
    `GET ${path} HTTP/1.1\r\nHost: www.example.net\r\nConnection: close\r\n\r\n`;
  const tls = { servername: 'www.example.net', rejectUnauthorized: false };

  test('pages are served over HTTPS', async () => {
    const { responses } = await exchange(secure, get('/1k.txt'), { tls });
    assert.equal(responses[0]?.status, 200);
    assert.deepEqual(responses[0].body, pages.pages.get('/1k.txt'));
  });

  test('plain HTTP is redirected to HTTPS, and nothing redirects in a circle', async () => {
    const { responses } = await exchange(plain, get('/1k.txt?x=1'));
    assert.equal(responses[0]?.status, 301);
    assert.deepEqual(responses[0].headers.get('location'), [`https://www.example.net:${secure}/1k.txt?x=1`]);
  });

  test('a client cannot claim that it came over HTTPS', async () => {
    const claim = get('/1k.txt').replace('\r\n\r\n', '\r\nX-Forwarded-Proto: https\r\n\r\n');
    const { responses } = await exchange(plain, claim);
    assert.equal(responses[0]?.status, 301);
  });

  test('an ACME challenge is answered over plain HTTP', async () => {
    const { responses } = await exchange(plain, get('/.well-known/acme-challenge/token'));
    assert.equal(responses[0]?.body.toString(), 'proof');
  });

  test("the web server's own redirects do not leave HTTPS", async () => {
    const { responses } = await exchange(secure, get('/folder'), { tls });
    assert.equal(responses[0]?.status, 301);
    const [location] = responses[0].headers.get('location') ?? [];
    assert.equal(new URL(location!, 'https://www.example.net').href, 'https://www.example.net/folder/');
  });

  test('probes are refused on both ports', async () => {
    const probe = 'GET http://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\n\r\n';
    assert.equal((await exchange(plain, probe)).responses[0]?.status, 421);
    assert.equal((await exchange(secure, probe, { tls })).responses[0]?.status, 421);
  });
}

const noApache = without('apache2');
suite('HTTPS in front of Apache, by the example', { skip: noApache }, async () => {
  if (noApache !== false) return;
  const port = await freePort();
  const server = await startApache(owner, {
    modules: ['remoteip', 'setenvif'],
    config: ({ dir }) =>
      [
        `Define APACHE_LOG_DIR ${dir}`,
        'Header always set X-Application-Sees "%{HTTPS}e"',
        example('behind-apache/ports.conf', { 8081: String(port) }),
        example('behind-apache/sekisho.conf'),
        example('behind-apache/www.example.net.conf', {
          8081: String(port),
          '/var/www/html': `${dir}/htdocs`,
        }),
      ].join('\n'),
  });
  const doors = await startInFront('behind-apache', port);
  await testHttps(server, doors);

  test('an application sees HTTPS=on', async () => {
    const request = 'GET / HTTP/1.1\r\nHost: www.example.net\r\nConnection: close\r\n\r\n';
    const { responses } = await exchange(doors.secure, request, { tls: { rejectUnauthorized: false } });
    assert.deepEqual(responses[0]?.headers.get('x-application-sees'), ['on']);
  });
});

const noNginx = without('nginx');
suite('HTTPS in front of nginx, by the example', { skip: noNginx }, async () => {
  if (noNginx !== false) return;
  const server = await startNginx(owner, {
    config: ({ port, root }) =>
      [
        example('behind-nginx/sekisho.conf'),
        example('behind-nginx/www.example.net.conf', { 8081: String(port), '/var/www/html': root }),
      ].join('\n'),
  });
  await testHttps(server, await startInFront('behind-nginx', server.port));
});
