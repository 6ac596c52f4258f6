/** The access log has one line for every forwarded request, whatever its outcome, with the status that was sent. */
import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { behind, config, get, hostLine, ok } from '../support/behind-gateway.ts';
import { certificate } from '../support/certificate.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { type RunningGateway, runGateway } from '../support/gateway.ts';
import { http2Session } from '../support/http2-client.ts';
import { type BackendConnection, rawBackend } from '../support/raw-backend.ts';
import { exchange } from '../support/raw-client.ts';
import { rawConnection } from '../support/raw-connection.ts';

interface Line {
  readonly status: number;
  readonly method: string;
  readonly path: string;
  readonly protocol: string;
  readonly bytes: number;
  readonly referer?: string;
  readonly agent?: string;
}

const withLog = (url: string, timeouts = ''): string =>
  `${config(url, timeouts).replace('backend:', 'websocket: true, backend:')}log: { access: true }\n`;

const access = ({ log }: RunningGateway): Line[] =>
  log.map((line) => JSON.parse(line)).filter(({ event }) => event === 'access');

/** Waits for so many lines, and checks that no more come. */
async function lines(gateway: RunningGateway, count = 1): Promise<Line[]> {
  await eventually(() => access(gateway).length >= count, `${count} lines`);
  await new Promise((done) => setTimeout(done, 30));
  const found = access(gateway);
  assert.equal(found.length, count, JSON.stringify(found));
  return found;
}

async function gate(t: TestContext, serve: (connection: BackendConnection) => unknown, timeouts = '') {
  const backend = await rawBackend(t, serve);
  return { backend, gateway: await runGateway(t, withLog(backend.url, timeouts)) };
}

const post = `POST /p HTTP/1.1\r\n${hostLine}Content-Length: 200000\r\n\r\n`;
const handshake = `GET /ws HTTP/1.1\r\n${hostLine}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
const answered =
  (bytes: string) =>
  async ({ socket, until }: BackendConnection): Promise<void> => {
    await until(/\r\n\r\n/);
    socket.write(bytes);
  };

suite('the access log has a line for a request', () => {
  test('that is answered', async (t) => {
    const { gateway } = await gate(t, answered(ok));
    await exchange(gateway.port, get.replace('/ ', '/a?b=c '), { until: 1 });
    const [line] = await lines(gateway);
    assert.deepEqual([line!.status, line!.method, line!.path], [200, 'GET', '/a?b=c']);
  });

  test('with the bytes of the body, the referer and the agent: kept alive, in chunks, and a HEAD', async (t) => {
    const { gateway } = await gate(t, async ({ socket }) => {
      socket.on('data', (bytes: Buffer) => {
        const chunks =
          'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n';
        socket.write(String(bytes).startsWith('HEAD') ? ok.replace('\r\nok', '\r\n') : chunks);
      });
    });
    const told = get.replace('\r\n\r\n', '\r\nReferer: https://www.example.org/\r\nUser-Agent: a"b\r\n\r\n');
    await exchange(gateway.port, [told, get], { until: 2 });
    await exchange(
      gateway.port,
      get.replace('GET', 'HEAD').replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'),
    );
    const found = await lines(gateway, 3);
    assert.deepEqual(
      found.map(({ bytes, referer, agent, protocol }) => [bytes, referer, agent, protocol]),
      [
        [7, 'https://www.example.org/', 'a"b', 'HTTP/1.1'],
        [7, undefined, undefined, 'HTTP/1.1'],
        [0, undefined, undefined, 'HTTP/1.1'],
      ],
    );
  });

  test('whose backend is unreachable', async (t) => {
    const gateway = await runGateway(t, withLog(`http://127.0.0.1:${await freePort()}`));
    await exchange(gateway.port, get, { until: 1 });
    assert.equal((await lines(gateway))[0]!.status, 502);
  });

  for (const [what, request] of [
    ['a GET', get],
    ['an upload', post],
    ['a handshake', handshake],
  ] as const)
    test(`whose client leaves before an answer: ${what} (499, as nginx logs it)`, async (t) => {
      const { gateway, backend } = await gate(t, () => {});
      const client = await rawConnection(t, gateway.port);
      client.socket.write(request + (request === post ? 'x'.repeat(150_000) : ''));
      await (await backend.connection(0)).until(/\r\n\r\n/);
      client.socket.resetAndDestroy();
      assert.equal((await lines(gateway))[0]!.status, 499);
    });

  test('whose client leaves in the middle of its body, before a backend is asked', async (t) => {
    const { gateway, backend } = await gate(t, () => {});
    const client = await rawConnection(t, gateway.port);
    client.socket.write(`${post}x`);
    await new Promise((done) => setTimeout(done, 50));
    client.socket.resetAndDestroy();
    assert.equal((await lines(gateway))[0]!.status, 499);
    assert.equal(backend.connections.length, 0);
  });

  test('whose client leaves in the middle of the answer: with the status that was sent', async (t) => {
    const { gateway } = await gate(t, answered('HTTP/1.1 206 Part\r\nContent-Length: 100\r\n\r\nhalf'));
    const client = await rawConnection(t, gateway.port);
    client.socket.write(get);
    await client.until(/half/);
    client.socket.destroy();
    assert.equal((await lines(gateway))[0]!.status, 206);
  });

  test('whose backend breaks off in the middle of the answer: with the status that was sent', async (t) => {
    const { gateway } = await gate(t, async ({ socket, until }) => {
      await until(/\r\n\r\n/);
      socket.write('HTTP/1.1 203 Half\r\nContent-Length: 100\r\n\r\nhalf', () =>
        setTimeout(() => socket.destroy(), 40),
      );
    });
    await exchange(gateway.port, get);
    const [line] = await lines(gateway);
    assert.deepEqual([line!.status, line!.bytes], [203, 4]);
  });

  test('that is answered before the end of its body', async (t) => {
    const { gateway } = await gate(t, answered('HTTP/1.1 413 Large\r\nContent-Length: 0\r\n\r\n'));
    await exchange(gateway.port, [post, 'x'.repeat(150_000)], { until: 1 });
    assert.equal((await lines(gateway))[0]!.status, 413);
  });

  test('that is upgraded and closed by the client: it does not wait for the backend', async (t) => {
    const { gateway, backend } = await gate(t, async ({ socket, until }) => {
      await until(/\r\n\r\n/);
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    });
    const client = await rawConnection(t, gateway.port);
    client.socket.write(handshake);
    await client.until(/101 /);
    client.socket.end();
    assert.equal((await lines(gateway))[0]!.status, 101);
    await backend.connections[0]!.ended;
  });

  test('that is upgraded, at its end', async (t) => {
    const { gateway } = await gate(
      t,
      answered('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'),
    );
    const client = await rawConnection(t, gateway.port);
    client.socket.write(handshake);
    await client.until(/101 [\s\S]*\r\n\r\n/);
    assert.deepEqual(access(gateway), []);
    client.socket.resetAndDestroy();
    const [line] = await lines(gateway);
    assert.deepEqual([line!.status, line!.path], [101, '/ws']);
  });

  test('that asks for an upgrade and gets a page', async (t) => {
    const { gateway } = await gate(t, answered('HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno'));
    await exchange(gateway.port, handshake, { until: 1 });
    assert.equal((await lines(gateway))[0]!.status, 403);
  });

  test('whose answer comes too late', async (t) => {
    const { gateway } = await gate(t, () => {}, 'headers: 200ms');
    await exchange(gateway.port, get, { until: 1 });
    assert.equal((await lines(gateway))[0]!.status, 504);
  });

  test('for each of several on one connection, except those whose client left', async (t) => {
    const { gateway } = await behindLogged(t);
    const reply = await exchange(gateway.port, [get + get, get], { until: 3 });
    assert.equal(reply.responses.length, 3);
    assert.deepEqual(
      (await lines(gateway, 3)).map(({ status }) => status),
      [200, 200, 200],
    );
  });

  test('over HTTP/2: answered, reset before an answer, and cut', async (t) => {
    const backend = await rawBackend(t, ({ socket }) =>
      socket.on('data', (bytes: Buffer) => {
        const text = bytes.toString('latin1');
        if (text.startsWith('GET /whole ')) socket.write(ok);
        else if (text.startsWith('GET /cut '))
          socket.write('HTTP/1.1 203 Half\r\nContent-Length: 100\r\n\r\nhalf', () =>
            setTimeout(() => socket.destroy(), 40),
          );
      }),
    );
    const { cert, key } = await certificate(t, ['www.example.net']);
    const gateway = await runGateway(
      t,
      withLog(backend.url),
      `listen: [{ address: "127.0.0.1:0", tls: { cert: ${cert}, key: ${key} } }]\n`,
    );
    const session = await http2Session(t, `https://127.0.0.1:${gateway.port}`);
    const expected = { '/whole': [200, 2], '/cut': [203, 4], '/reset': [499, 0] };
    for (const path of Object.keys(expected)) {
      const stream = session.request({ ':path': path, ':authority': 'www.example.net' });
      stream.on('error', () => {}).resume();
      if (path === '/reset') {
        await eventually(
          () => backend.connections.some(({ text }) => text().includes('/reset')),
          'it is asked',
        );
        stream.close(8);
      } else await eventually(() => stream.closed, 'it is over');
    }
    const found = await lines(gateway, 3);
    assert.deepEqual(
      Object.fromEntries(found.map(({ path, status, bytes }) => [path, [status, bytes]])),
      expected,
    );
  });
});

async function behindLogged(t: TestContext) {
  const { backend } = await behind(t, ({ socket }) =>
    socket.on('data', (bytes: Buffer) => {
      for (const _ of bytes.toString('latin1').matchAll(/\r\n\r\n/g)) socket.write(ok);
    }),
  );
  return { gateway: await runGateway(t, withLog(backend.url)) };
}
