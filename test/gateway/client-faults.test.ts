/** Clients that are slow or leave: they are cut off, the exchange with the backend ends, and no backend is blamed. */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { answering, behind, config, get, hostLine, ok, statusOf } from '../support/behind-gateway.ts';
import { runGateway } from '../support/gateway.ts';
import { rawBackend } from '../support/raw-backend.ts';
import { exchange } from '../support/raw-client.ts';
import { rawConnection } from '../support/raw-connection.ts';

const crashes: unknown[] = [];
process.on('uncaughtExceptionMonitor', (error) => crashes.push(error));
process.on('warning', (warning) => crashes.push(warning));

suite('a slow client', () => {
  test('sending its body: 408, and the backend is not blamed', async (t) => {
    const { gateway, backend } = await behind(t, () => {}, 'body: 300ms');
    const reply = await exchange(
      gateway.port,
      `POST / HTTP/1.1\r\n${hostLine}Content-Length: 9\r\n\r\nbody`,
      { until: 1 },
    );
    assert.equal(statusOf(reply), 408);
    assert.equal(backend.connections.length, 0);
  });

  test('three of them do not get a backend ejected', async (t) => {
    const stuck = await rawBackend(t, async ({ socket, until }) => {
      await until(/\r\n\r\n/);
      if ((await until(/GET|POST/)).startsWith('GET')) socket.write(ok);
    });
    const other = await rawBackend(t, async ({ socket, until }) => {
      await until(/\r\n\r\n/);
      if ((await until(/GET|POST/)).startsWith('GET')) socket.write(ok);
    });
    const gateway = await runGateway(
      t,
      `sites: [{ hosts: [www.example.net], backends: [{ url: "${stuck.url}" }, { url: "${other.url}" }] }]\nrateLimit: false\ntimeouts: { body: 300ms }\n`,
    );
    const slow = `POST / HTTP/1.1\r\n${hostLine}Content-Length: 9\r\n\r\nbody`;
    const replies = await Promise.all(
      Array.from({ length: 8 }, () => exchange(gateway.port, slow, { until: 1 })),
    );
    assert.deepEqual(new Set(replies.map(statusOf)), new Set([408]));
    assert.doesNotMatch(gateway.log.join(), /is ejected/);
  });

  test('sending its head: 408, and the connection is closed', async (t) => {
    const { url } = await rawBackend(t);
    const gateway = await runGateway(t, `${config(url)}limits: { requestHeaders: 300ms }\n`);
    const client = await rawConnection(t, gateway.port);
    client.socket.write(`GET / HTTP/1.1\r\n${hostLine}`);
    await client.until(/^HTTP\/1\.1 408 /);
    await client.ended;
    // Closed, not half-closed: a client that goes on sending gets an error.
    const nag = setInterval(() => client.socket.write('X: y\r\n'), 50);
    await client.closed;
    clearInterval(nag);
  });

  test('that reads nothing of a response is cut off, and the backend is not blamed', async (t) => {
    let gone: Promise<void> | undefined;
    const { gateway } = await behind(
      t,
      async ({ socket, until, closed }) => {
        await until(/\r\n\r\n/);
        gone = closed;
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
        const piece = Buffer.alloc(65_536, 'x');
        const more = (): void => {
          while (
            !socket.destroyed &&
            socket.write(Buffer.concat([Buffer.from('10000\r\n'), piece, Buffer.from('\r\n')]))
          );
        };
        socket.on('drain', more);
        more();
      },
      'body: 400ms',
    );
    const client = await rawConnection(t, gateway.port);
    client.socket.write(get);
    await client.until(/\r\n\r\n/);
    client.socket.pause();
    // Both sides of the gateway check for this; the first to notice cuts it off.
    await gone;
    assert.doesNotMatch(gateway.log.join(), /stopped in the middle|is ejected/);
    assert.notEqual(gateway.gateway.backends[0]!.health.state(performance.now()), 'failing');
  });
});

suite('a head that is too large', () => {
  test('is answered with 431', async (t) => {
    const { backend, gateway } = await behind(t, answering(ok));
    const reply = await exchange(
      gateway.port,
      `GET / HTTP/1.1\r\n${hostLine}${'X-Filler: 0123456789\r\n'.repeat(5000)}\r\n`,
    );
    assert.equal(reply.responses[0]?.status, 431);
    assert.equal(backend.connections.length, 0);
  });
});

suite('a client that leaves', () => {
  test('before the answer: the backend connection is closed', async (t) => {
    const { gateway, backend } = await behind(t, () => {});
    const client = await rawConnection(t, gateway.port);
    client.socket.write(get);
    const upstream = await backend.connection(0);
    await upstream.until(/\r\n\r\n/);
    client.socket.destroy();
    await upstream.ended;
    assert.doesNotMatch(gateway.log.join(), /"level":[45]0/);
  });

  test('in the middle of its body', async (t) => {
    const { gateway, backend } = await behind(t, () => {});
    const client = await rawConnection(t, gateway.port);
    // More than limits.bufferedBody.
    const half = `${'x'.repeat(70_000)}half`;
    client.socket.write(`POST / HTTP/1.1\r\n${hostLine}Content-Length: 100000\r\n\r\n${half}`);
    const upstream = await backend.connection(0);
    await upstream.until(/half$/);
    client.socket.resetAndDestroy();
    await upstream.ended;
    assert.match(upstream.text(), /half$/);
  });

  test('in the middle of a response', async (t) => {
    const { gateway, backend } = await behind(
      t,
      answering('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'),
    );
    const client = await rawConnection(t, gateway.port);
    client.socket.write(get);
    await client.until(/half$/);
    client.socket.destroy();
    await (await backend.connection(0)).ended;
  });
});

after(() => assert.deepEqual(crashes, [], 'nothing crashed or warned'));
