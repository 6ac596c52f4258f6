/** Backends that are unreachable, silent, malformed, or break off: no client waits for ever, no cut answer looks complete. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { createServer as createTls } from 'node:tls';
import { answering, behind, config, get, hostLine, ok, statusOf } from '../support/behind-gateway.ts';
import { certificate } from '../support/certificate.ts';
import { freePort } from '../support/free-port.ts';
import { runGateway } from '../support/gateway.ts';
import type { Owner } from '../support/owner.ts';
import type { BackendConnection, RawBackend } from '../support/raw-backend.ts';
import { exchange } from '../support/raw-client.ts';
import { rawConnection } from '../support/raw-connection.ts';
import { tempDir } from '../support/temp-dir.ts';

const crashes: unknown[] = [];
process.on('uncaughtExceptionMonitor', (error) => crashes.push(error));
process.on('warning', (warning) => crashes.push(warning));

suite('an unreachable backend', () => {
  test('gives 502', async (t) => {
    const gateway = await runGateway(t, config(`http://127.0.0.1:${await freePort()}`));
    const reply = await exchange(gateway.port, get, { until: 1 });
    assert.equal(statusOf(reply), 502);
    // The connection stays open after a GET; the body of a POST is read and dropped.
    const post = await exchange(gateway.port, `POST / HTTP/1.1\r\n${hostLine}Content-Length: 4\r\n\r\nbody`, {
      until: 1,
    });
    assert.equal(statusOf(post), 502);
    assert.ok(gateway.log.some((line) => /accepts no connection/.test(line)));
  });

  test('does not show its address or port to the client', async (t) => {
    const port = await freePort();
    const gateway = await runGateway(t, config(`http://127.0.0.1:${port}`));
    const reply = await exchange(gateway.port, get, { until: 1 });
    assert.doesNotMatch(reply.text, new RegExp(`${port}|127\\.0\\.0\\.1`));
  });

  test('a unix socket without a listener: 502', async (t) => {
    const dir = await tempDir(t);
    const gateway = await runGateway(t, config(`unix:${join(dir, 'no.sock')}`));
    assert.equal(statusOf(await exchange(gateway.port, get, { until: 1 })), 502);
  });

  test('a silent one: 504', async (t) => {
    const { gateway, backend } = await behind(t, () => {}, 'headers: 300ms');
    assert.equal(statusOf(await exchange(gateway.port, get, { until: 1 })), 504);
    await backend.connections[0]!.ended;
  });

  test('one that is silent to a POST it has read: 504, and the POST is not sent again', async (t) => {
    const { gateway, backend } = await behind(t, () => {}, 'headers: 300ms');
    const reply = await exchange(
      gateway.port,
      `POST / HTTP/1.1\r\n${hostLine}Content-Length: 4\r\n\r\nbody`,
      { until: 1 },
    );
    assert.equal(statusOf(reply), 504);
    assert.equal(backend.connections.length, 1);
  });
});

suite('a backend that answers', () => {
  for (const [what, bytes] of [
    ['no HTTP', 'SSH-2.0-OpenSSH_9\r\n\r\n'],
    ['HTTP/0.9', '<html></html>\r\n\r\n'],
    ['a bad status line', 'HTTP/1.1 2OO OK\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok'],
    [
      'length and chunked',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a folded header', 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 2\r\n\r\nok'],
    ['101 to a request without Upgrade', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n'],
    ['a head without end', `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(20_000)}`],
    ['nothing but a close', ''],
    ['half a head', 'HTTP/1.1 200 OK\r\nContent-'],
  ] as const)
    test(`${what}: 502`, async (t) => {
      const { gateway, backend } = await behind(t, answering(bytes, true));
      const reply = await exchange(gateway.port, get, { until: 1 });
      assert.equal(statusOf(reply), 502, reply.text);
      assert.doesNotMatch(reply.text, /SSH|evil/);
      assert.equal(backend.connections.length, 1, 'a fresh connection is not tried again');
    });

  test('more than it announced: the surplus is dropped and does not become the next answer', async (t) => {
    const { gateway } = await behind(t, async ({ socket, until }, number) => {
      await until(/\r\n\r\n/);
      socket.write(number === 0 ? `${ok}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil` : ok);
    });
    const reply = await exchange(gateway.port, [get, get], { until: 2, gap: 100 });
    assert.deepEqual(
      reply.responses.map(({ body }) => body.toString()),
      ['ok', 'ok'],
    );
  });

  test('before it is asked: that is not an answer', async (t) => {
    const { gateway, backend } = await behind(t, async ({ socket, until }) => {
      await until(/\r\n\r\n/);
      socket.write(ok);
    });
    const client = await rawConnection(t, gateway.port);
    client.socket.write(get);
    await client.until(/ok$/);
    const [first] = backend.connections;
    first!.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');
    await first!.ended;
    client.socket.write(get);
    await client.until(/ok.+ok$/s);
    assert.doesNotMatch(client.text(), /evil/);
    assert.equal(backend.connections.length, 2);
  });
});

suite('a response that breaks off', () => {
  for (const [what, head, request] of [
    ['of a length', 'Content-Length: 100\r\n\r\nhalf', get],
    ['chunked', 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n', get],
    ['chunked, in the middle of a chunk', 'Transfer-Encoding: chunked\r\n\r\n9\r\nhalf', get],
    ['chunked, before its last line', 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n', get],
    ['with a malformed chunk', 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nXYZ\r\n', get],
    [
      'chunked, to HTTP/1.0, which knows an end by nothing but a reset',
      'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n',
      `GET / HTTP/1.0\r\n${hostLine}\r\n`,
    ],
  ] as const)
    test(`${what} does not look complete`, async (t) => {
      const { gateway } = await behind(t, async ({ socket, until }) => {
        await until(/\r\n\r\n/);
        socket.write(`HTTP/1.1 200 OK\r\n${head}`);
        // The head must be out before it breaks, or the answer is a clean 502.
        setTimeout(() => socket.end(), 60);
      });
      const reply = await exchange(gateway.port, request);
      assert.notEqual(reply.ended, 'timeout');
      assert.match(reply.text, /^(?:HTTP\/1\.1 200 OK|$)/);
      assert.ok(
        reply.ended === 'reset' || reply.responses.every(({ complete }) => !complete),
        `${reply.ended}: ${reply.text}`,
      );
      assert.doesNotMatch(reply.text, /\r\n0\r\n\r\n$|502/);
    });

  test('that stalls is broken off after timeouts.body', async (t) => {
    const { gateway } = await behind(
      t,
      answering('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'),
      'body: 300ms',
    );
    const reply = await exchange(gateway.port, get);
    assert.notEqual(reply.ended, 'timeout');
    assert.equal(reply.responses[0]?.complete, false);
  });
});

suite('an answer before the end of its request', () => {
  const long = `POST / HTTP/1.1\r\n${hostLine}Content-Length: 1000000\r\n\r\n`;
  /** More than limits.bufferedBody. */
  const start = 'x'.repeat(100_000);

  test('reaches the client, and the backend connection is not reused', async (t) => {
    const { gateway, backend } = await behind(t, async ({ socket, until }, number) => {
      await until(/\r\n\r\n/);
      socket.write(number === 0 ? 'HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig' : ok);
    });
    const client = await rawConnection(t, gateway.port);
    client.socket.write(long + start);
    await client.until(/^HTTP\/1\.1 413 [\s\S]*\r\nConnection: close\r\n[\s\S]*big$/);
    // The rest of the body is not a request, and requests after it are not served.
    client.socket.write('x'.repeat(1_000_000 - start.length));
    client.socket.write(get);
    await client.ended;
    await backend.connections[0]!.ended;
    assert.equal((await exchange(gateway.port, get, { until: 1 })).responses[0]?.status, 200);
    assert.equal(backend.connections.length, 2);
    assert.match(backend.connections[1]!.text(), /^GET \/ /);
  });

  test('reaches the client in pieces', async (t) => {
    const { gateway } = await behind(
      t,
      answering('HTTP/1.1 413 Too Large\r\nConnection: close\r\n\r\nvery', true),
    );
    const client = await rawConnection(t, gateway.port);
    client.socket.write(long + start);
    await client.until(/^HTTP\/1\.1 413 [\s\S]*very\r\n0\r\n\r\n$/);
  });
});

suite('a kept connection that the backend has closed', () => {
  /** Closes its first connection when the second request comes on it. */
  const closing = async ({ socket, until }: BackendConnection, number: number): Promise<void> => {
    await until(/\r\n\r\n/);
    socket.write(ok);
    if (number > 0) return;
    await until(/\r\n\r\n[\s\S]*\r\n\r\n/);
    socket.destroy();
  };
  const sent = ({ connections }: RawBackend): string[] =>
    connections.map(
      (connection) =>
        connection
          .text()
          .match(/^[A-Z]+ \//gm)
          ?.join() ?? '',
    );

  for (const [method, body] of [
    ['GET', '\r\n'],
    ['HEAD', '\r\n'],
    ['DELETE', '\r\n'],
    ['OPTIONS', '\r\n'],
    ['PUT', 'Content-Length: 4\r\n\r\nbody'],
    ['PUT', 'Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n'],
  ] as const)
    test(`${method} with ${JSON.stringify(body)} is retried once`, async (t) => {
      const { gateway, backend } = await behind(t, closing);
      const reply = await exchange(gateway.port, [get, `${method} / HTTP/1.1\r\n${hostLine}${body}`], {
        until: 2,
        gap: 60,
        methods: ['GET', method],
      });
      assert.deepEqual(
        reply.responses.map(({ status }) => status),
        [200, 200],
      );
      assert.deepEqual(sent(backend), [`GET /,${method} /`, `${method} /`]);
    });

  for (const [method, body] of [
    ['POST', 'Content-Length: 0\r\n\r\n'],
    ['POST', 'Content-Length: 4\r\n\r\nbody'],
    ['PATCH', '\r\n'],
    // A body that is not buffered can't be sent again.
    ['PUT', `Content-Length: 500000\r\n\r\n${'x'.repeat(500_000)}`],
  ] as const)
    test(`${method} with ${JSON.stringify(body)} is not retried: it may have been acted on`, async (t) => {
      const { gateway, backend } = await behind(t, closing);
      const reply = await exchange(gateway.port, [get, `${method} / HTTP/1.1\r\n${hostLine}${body}`], {
        until: 2,
        gap: 60,
      });
      assert.deepEqual(
        reply.responses.map(({ status }) => status),
        [200, 502],
      );
      assert.equal(backend.connections.length, 1);
    });

  test('is retried at most once', async (t) => {
    const { gateway, backend } = await behind(t, async ({ socket, until }, number) => {
      await until(/\r\n\r\n/);
      if (number === 0) {
        socket.write(ok);
        await until(/\r\n\r\n[\s\S]*\r\n\r\n/);
      }
      socket.destroy();
    });
    const reply = await exchange(gateway.port, [get, get], { until: 2, gap: 60 });
    assert.deepEqual(
      reply.responses.map(({ status }) => status),
      [200, 502],
    );
    assert.equal(backend.connections.length, 2);
  });

  test('is not retried after an answer has begun', async (t) => {
    const { gateway, backend } = await behind(t, async ({ socket, until }) => {
      await until(/\r\n\r\n/);
      socket.write(ok);
      await until(/\r\n\r\n[\s\S]*\r\n\r\n/);
      socket.end('HTTP/1.1 200');
    });
    const reply = await exchange(gateway.port, [get, get], { until: 2, gap: 60 });
    assert.deepEqual(
      reply.responses.map(({ status }) => status),
      [200, 502],
    );
    assert.equal(backend.connections.length, 1);
  });
});

suite('other kinds of backends', () => {
  test('a unix socket', async (t) => {
    const path = join(await tempDir(t), 'app.sock');
    const server = createServer((socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nunix')),
    );
    await once(server.listen(path), 'listening');
    t.after(() => server.close(() => rmSync(path, { force: true })));
    const gateway = await runGateway(t, config(`unix:${path}`));
    const reply = await exchange(gateway.port, get, { until: 1 });
    assert.equal(reply.responses[0]?.body.toString(), 'unix');
  });

  async function tlsBackend(
    owner: Owner,
    names: string[],
  ): Promise<{ port: number; cert: string; requests: number }> {
    const { cert, key } = await certificate(owner, names);
    const seen = { port: 0, cert, requests: 0 };
    const server = createTls({ cert: readFileSync(cert), key: readFileSync(key) }, (socket) => {
      socket.on('error', () => {});
      socket.once('data', () => {
        seen.requests++;
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntls');
      });
    });
    server.on('tlsClientError', () => {});
    await once(server.listen(0, '127.0.0.1'), 'listening');
    owner.after(() => server.close());
    seen.port = (server.address() as { port: number }).port;
    return seen;
  }

  test('https with an untrusted certificate: 502, and no byte of the request is sent', async (t) => {
    const backend = await tlsBackend(t, ['127.0.0.1']);
    const gateway = await runGateway(t, config(`https://127.0.0.1:${backend.port}`));
    assert.equal(statusOf(await exchange(gateway.port, get, { until: 1 })), 502);
    assert.equal(backend.requests, 0);
    assert.match(gateway.log.join(), /self.signed/i);
  });

  test('https with a configured CA, and with another server name', async (t) => {
    const backend = await tlsBackend(t, ['127.0.0.1']);
    const site = (tls: string): string =>
      `sites: [{ hosts: [www.example.net], backend: "https://127.0.0.1:${backend.port}", backendTls: { ${tls} } }]\nrateLimit: false\n`;
    const trusting = await runGateway(t, site(`ca: "${backend.cert}"`));
    assert.equal((await exchange(trusting.port, get, { until: 1 })).responses[0]?.body.toString(), 'tls');
    const strange = await runGateway(t, site(`ca: "${backend.cert}", servername: other.example.net`));
    assert.equal(statusOf(await exchange(strange.port, get, { until: 1 })), 502);
    const careless = await runGateway(t, site('verify: false'));
    assert.equal((await exchange(careless.port, get, { until: 1 })).responses[0]?.body.toString(), 'tls');
  });
});

after(() => assert.deepEqual(crashes, [], 'nothing crashed or warned'));
