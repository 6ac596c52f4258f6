/** The nginx export in the real nginx: the logged rule, and the default server for TLS. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'node:tls';
import { parseConfig } from '../../src/config/load.ts';
import { exportSource } from '../../src/export/source.ts';
import { certificate } from '../support/certificate.ts';
import { startNginx } from '../support/nginx.ts';
import { without } from '../support/peers.ts';
import { exchange } from '../support/raw-client.ts';
import { anyBackend } from './any-backend.ts';
import { partsOf, servers } from './servers.ts';

const skip = without('nginx');
const marks = 'Accept-Encoding: gzip\r\nUser-Agent: Mozilla/5.0\r\n';

/** Request → the end of its log line. */
const logged: readonly (readonly [bytes: string, words: string])[] = [
  ['GET /1 HTTP/1.1\r\nHost: www.example.net\r\n\r\n', 'rule=- counts=-'],
  ['GET /2 HTTP/1.1\r\nHost: www.example.com\r\n\r\n', 'rule=host-foreign counts=1'],
  [`GET /3 HTTP/1.1\r\nHost: www.example.com\r\n${marks}\r\n`, 'rule=host-foreign counts=-'],
  ['GET /4 HTTP/1.1\r\nHost: www.example.com\r\nSec-Fetch-Mode: cors\r\n\r\n', 'rule=host-foreign counts=-'],
  ['CONNECT /5.example.com:25 HTTP/1.1\r\nHost: www.example.com:25\r\n\r\n', 'rule=connect counts=1'],
  [
    'GET http://www.example.com/6 HTTP/1.1\r\nHost: www.example.com\r\n\r\n',
    'rule=absolute-form-foreign counts=1',
  ],
  [
    `GET /7 HTTP/1.1\r\nHost: www.example.net\r\nProxy-Connection: close\r\n${marks}\r\n`,
    'rule=proxy-connection counts=1',
  ],
  ['FOO /8 HTTP/1.1\r\nHost: www.example.net\r\n\r\n', 'rule=method-unknown counts=-'],
  [
    `GET /9 HTTP/1.1\r\nHost: www.example.net\r\nUser-Agent: " rule=host-foreign counts=1\r\n\r\n`,
    'rule=- counts=-',
  ],
];

suite('the nginx export', () => {
  test('logs the rule of each request and whether it counts', { skip }, async (t) => {
    const backend = await anyBackend(t);
    const { port, dir } = await servers
      .find(({ target }) => target === 'nginx')!
      .start(t, backend.port, true);
    for (const [bytes] of logged) await exchange(port, bytes, { until: 1, timeout: 20_000 });
    const lines = await linesOf(join(dir!, 'access.log'), logged.length);
    assert.deepEqual(
      lines.map((line) => /" (rule=\S+ counts=\S+)$/.exec(line)?.[1]),
      logged.map(([, words]) => words),
    );
  });

  test('logs the right rule for TLS, SOCKS and unknown bytes', { skip }, async (t) => {
    const backend = await anyBackend(t);
    const { port, dir } = await servers
      .find(({ target }) => target === 'nginx')!
      .start(t, backend.port, true);
    const sent = [
      '\x16\x03\x01\x00\x05\x01\r\n',
      '\x05\x01\x00',
      '\x00\x01\x00\x00!\x12\xa4B\r\n',
      'EHLO a\r\n',
    ];
    for (const bytes of sent) await exchange(port, bytes, { until: 1, timeout: 2_000, halfClose: true });
    const lines = await linesOf(join(dir!, 'access.log'), sent.length);
    assert.deepEqual(
      lines.map((line) => /rule=.*/.exec(line)?.[0]),
      ['tls-on-plaintext', 'socks5', 'not-http', 'smtp-on-http'].map((rule) => `rule=${rule} counts=-`),
    );
  });

  test('refuses only the TLS handshake for a name that no server block has', { skip }, async (t) => {
    const { cert, key } = await certificate(t, ['www.example.net']);
    const tlsPort = await freePort();
    const config = parseConfig(
      'listen: ["127.0.0.1:80"]\nsites: [{ hosts: [www.example.net], backend: welcome }]\n',
      '.',
    );
    const parts = partsOf('nginx', { ...exportSource(config), tlsPorts: [tlsPort] });
    await startNginx(t, {
      config: ({ port, root }) => `
        ${parts.default!.replaceAll(/^.*listen \[::\].*$/gm, '')}
        ${parts.http}
        server {
          listen 127.0.0.1:${port};
          listen ${tlsPort} ssl;
          server_name www.example.net;
          ssl_certificate ${cert};
          ssl_certificate_key ${key};
          root ${root};
          ${parts.server}
        }`,
    });
    const asked = async (servername: string): Promise<string> => {
      const socket = connect({ port: tlsPort, host: '127.0.0.1', servername, rejectUnauthorized: false });
      try {
        await once(socket, 'secureConnect', { signal: AbortSignal.timeout(20_000) });
        return 'agreed';
      } catch (error) {
        return (error as { code?: string }).code ?? String(error);
      } finally {
        socket.destroy();
      }
    };
    assert.equal(await asked('www.example.net'), 'agreed');
    assert.match(await asked('www.example.com'), /UNRECOGNIZED_NAME/);
    assert.match(await asked(''), /UNRECOGNIZED_NAME/);
  });

  test('has no default server if foreign hosts are allowed', () => {
    const config = parseConfig(
      'listen: ["127.0.0.1:80"]\nsites: [{ hosts: [www.example.net], backend: welcome }]\npolicy: { preset: observe }\n',
      '.',
    );
    assert.doesNotMatch(partsOf('nginx', exportSource(config)).default!, /^[^#]/m);
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** nginx writes the line when the request ends, which can be after the answer. */
async function linesOf(file: string, count: number): Promise<string[]> {
  let lines: string[] = [];
  for (let i = 0; i < 100 && lines.length < count; i++) {
    lines = (await readFile(file, 'latin1')).split('\n').slice(0, -1);
    if (lines.length < count) await delay(20);
  }
  return lines;
}
