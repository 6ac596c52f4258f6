/** Several backends of a site: shared load, failures, health, bounds. */
import assert from 'node:assert/strict';
import { createServer, type Server, type Socket } from 'node:net';
import { suite, test } from 'node:test';
import { parseConfig } from '../../src/config/load.ts';
import type { Gateway } from '../../src/program/gateway.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { runGateway } from '../support/gateway.ts';
import { rawBackend } from '../support/raw-backend.ts';
import { exchange, type RawReply } from '../support/raw-client.ts';
import { type RecordingBackend, recordingBackend } from '../support/recording-backend.ts';

const get = 'GET / HTTP/1.1\r\nHost: www.example.net\r\nConnection: close\r\n\r\n';
const site = (backends: readonly string[], more = ''): string => `
sites:
  - hosts: [www.example.net]
    backends: [${backends.map((url) => `{ url: "${url}" }`).join(', ')}]
    ${more}
rateLimit: false
bans: false
`;

async function statuses(port: number, count: number, request = get): Promise<number[]> {
  const replies: RawReply[] = [];
  for (let i = 0; i < count; i++) replies.push(await exchange(port, request));
  return replies.map(({ responses }) => responses[0]?.status ?? 0);
}

const counts = (backends: readonly RecordingBackend[]): number[] =>
  backends.map(({ requests }) => requests.length);

suite('several backends', () => {
  test('share the requests in turn', async (t) => {
    const backends = await Promise.all([recordingBackend(t), recordingBackend(t), recordingBackend(t)]);
    const { port } = await runGateway(t, site(backends.map(({ url }) => url)));
    assert.deepEqual(await statuses(port, 9), Array(9).fill(200));
    assert.deepEqual(counts(backends), [3, 3, 3]);
  });

  test('share them by weight', async (t) => {
    const [heavy, light] = await Promise.all([recordingBackend(t), recordingBackend(t)]);
    const yaml = `sites: [{ hosts: [www.example.net], balance: weighted, backends: [{ url: "${heavy.url}", weight: 3 }, { url: "${light.url}" }] }]\nrateLimit: false\n`;
    const { port } = await runGateway(t, yaml);
    await statuses(port, 8);
    assert.deepEqual(counts([heavy, light]), [6, 2]);
  });

  test('no request fails because one accepts no connection, not even a POST', async (t) => {
    const backend = await recordingBackend(t);
    const gone = `http://127.0.0.1:${await freePort()}`;
    const { port, log } = await runGateway(t, site([gone, backend.url]));
    const post =
      'POST / HTTP/1.1\r\nHost: www.example.net\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody';
    assert.deepEqual(await statuses(port, 10, post), Array(10).fill(200));
    assert.ok(backend.requests.every(({ body }) => body.toString() === 'body'));
    assert.ok(
      log.some((line) => line.includes('is ejected: it accepts no connection: connect ECONNREFUSED')),
      'it is ejected after a few tries',
    );
  });

  test('all unreachable: 502', async (t) => {
    const gone = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`];
    const { port } = await runGateway(t, site(gone));
    assert.deepEqual(await statuses(port, 5), Array(5).fill(502));
  });

  test('a POST that a backend took and did not answer is not sent to another', async (t) => {
    const dying = await recordingBackend(t, { answer: (_request, socket) => void socket.destroy() });
    const other = await recordingBackend(t);
    const { port } = await runGateway(t, site([other.url, dying.url]));
    const post =
      'POST / HTTP/1.1\r\nHost: www.example.net\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody';
    assert.deepEqual((await statuses(port, 2, post)).sort(), [200, 502]);
    assert.deepEqual(counts([other, dying]), [1, 1]);
  });
});

suite('the health check', () => {
  test('ejects a backend that fails it, and brings it back', async (t) => {
    const well = await recordingBackend(t);
    const ill = await recordingBackend(t, {
      answer: ({ requestLine }) =>
        requestLine.startsWith('GET /healthz ')
          ? 'HTTP/1.1 503 Ill\r\nContent-Length: 0\r\n\r\n'
          : 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    });
    const { port, gateway } = await runGateway(
      t,
      site(
        [well.url, ill.url],
        'health: { path: /healthz, interval: 30ms, timeout: 500ms, rise: 2, fall: 2 }',
      ),
    );
    const states = (): string => gateway.backends.map(({ health }) => health.state(performance.now())).join();
    await eventually(() => states() === 'healthy,ejected', 'the failing one is ejected');
    const asked = (): number =>
      ill.requests.filter(({ requestLine }) => requestLine.startsWith('GET / ')).length;
    const before = asked();
    assert.deepEqual(await statuses(port, 4), Array(4).fill(200));
    assert.equal(asked(), before);
    assert.ok(ill.requests[0]!.headerLines.includes('Host: www.example.net'));
    ill.answerWith('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    await eventually(() => states() === 'healthy,healthy', 'it gets requests again');
  });
});

suite('the health of a backend', () => {
  const check = 'health: { path: /healthz, interval: 30ms, timeout: 500ms, rise: 1, fall: 1 }';
  const shown = (gateway: Gateway): string =>
    gateway.backends.map(({ health }) => health.state(performance.now())).join();

  test('does not depend on load: a check does not queue behind requests', async (t) => {
    let checks = 0;
    const busy = await rawBackend(t, async ({ socket, until }) => {
      // Requests hang, checks do not. On a busy machine a check may time out before it is sent.
      if (!/^GET \/healthz /.test(await until(/\r\n\r\n/).catch(() => ''))) return;
      checks++;
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    });
    const { port, gateway } = await runGateway(
      t,
      site([busy.url], `connections: { max: 1, queue: 1, wait: 5s }\n    ${check}`),
    );
    const waiting = [1, 2].map(() => exchange(port, get, { timeout: 1500 }));
    await eventually(() => gateway.backends[0]!.load === 2, 'its one connection is taken, and one waits');
    const before = checks;
    await eventually(() => checks > before + 5, 'it is asked all the while');
    assert.equal(shown(gateway), 'healthy');
    await Promise.all(waiting);
  });

  test('is unknown before the first request, then follows the last answer', async (t) => {
    const backend = await recordingBackend(t);
    const { port, gateway } = await runGateway(t, site([backend.url]));
    assert.equal(shown(gateway), 'unknown');
    await statuses(port, 1);
    assert.equal(shown(gateway), 'healthy');
    backend.answerWith('HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n');
    await statuses(port, 1);
    assert.equal(shown(gateway), 'failing');
    const post = `POST / HTTP/1.1\r\nHost: www.example.net\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`;
    backend.answerWith('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    await statuses(port, 1, post);
    assert.equal(shown(gateway), 'healthy');
  });

  for (const [how, more] of [
    ['by requests', ''],
    ['by the check', check],
  ] as const)
    test(`outlives a reload: one that is ejected ${how} stays ejected`, async (t) => {
      const well = await recordingBackend(t);
      const away = `http://127.0.0.1:${await freePort()}`;
      const yaml = site([well.url, away], more);
      const { port, gateway } = await runGateway(t, yaml);
      await eventually(async () => {
        await statuses(port, 1);
        return shown(gateway) === 'healthy,ejected';
      }, 'the unreachable one is ejected');
      const [kept, ejected] = gateway.backends.map(({ health }) => health);
      const reload = (text: string): void =>
        gateway.reload(parseConfig(`listen: ["127.0.0.1:0"]\n${text}`, '.'));
      reload(yaml);
      assert.equal(shown(gateway), 'healthy,ejected');
      // In another order, with another policy.
      reload(`${site([away, well.url], more)}policy: { preset: strict }\n`);
      assert.deepEqual(
        gateway.backends.map(({ health }) => health),
        [ejected, kept],
      );
      // A backend with other settings, or of another site, has its own health.
      reload(site([away, well.url], `connections: { max: 7 }\n    ${more}`));
      assert.ok(gateway.backends.every(({ health }) => health !== kept && health !== ejected));
      reload(yaml.replace('www.example.net', 'static.example.net'));
      assert.ok(gateway.backends.every(({ health }) => health !== kept && health !== ejected));
    });

  test('does not depend on a check that a reload removed', async (t) => {
    const away = `http://127.0.0.1:${await freePort()}`;
    const { gateway } = await runGateway(t, site([away], check));
    await eventually(() => shown(gateway) === 'ejected', 'it is ejected');
    gateway.reload(parseConfig(`listen: ["127.0.0.1:0"]\n${site([away])}`, '.'));
    assert.equal(shown(gateway), 'failing');
  });
});

suite('bounds', () => {
  /** A backend that answers on demand. */
  async function heldBackend(): Promise<{ server: Server; port: number; waiting: Socket[] }> {
    const waiting: Socket[] = [];
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', () => waiting.push(socket));
    });
    const port = await freePort();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return { server, port, waiting };
  }

  test('connections and queue are bounded; beyond that: 503 with Retry-After', async (t) => {
    const { server, port: backend, waiting } = await heldBackend();
    t.after(() => server.close());
    const { port } = await runGateway(
      t,
      site([`http://127.0.0.1:${backend}`], 'connections: { max: 1, queue: 1 }'),
    );
    const first = exchange(port, get);
    await eventually(() => waiting.length === 1, 'the first request is with the backend');
    const second = exchange(port, get);
    await eventually(async () => {
      const third = await exchange(port, get, { timeout: 300 });
      return third.responses[0]?.status === 503 && third.responses[0].headers.get('retry-after')?.[0] === '1';
    }, 'a third one gets 503');
    assert.equal(waiting.length, 1, 'one connection at a time');
    const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
    waiting[0]!.write(answer);
    assert.equal((await first).responses[0]?.status, 200);
    await eventually(() => waiting.length === 2, 'the second one follows on the same connection');
    assert.equal(waiting[1], waiting[0]);
    waiting[1]!.write(answer);
    assert.equal((await second).responses[0]?.status, 200);
    for (const socket of waiting) socket.destroy();
  });

  test('a request that waits too long gets 503', async (t) => {
    const { server, port: backend, waiting } = await heldBackend();
    t.after(() => server.close());
    const { port } = await runGateway(
      t,
      site([`http://127.0.0.1:${backend}`], 'connections: { max: 1, queue: 5, wait: 200ms }'),
    );
    const first = exchange(port, get);
    await eventually(() => waiting.length === 1, 'the first request is with the backend');
    assert.equal((await exchange(port, get)).responses[0]?.status, 503);
    waiting[0]!.destroy();
    assert.equal((await first).responses[0]?.status, 502);
  });

  test('a client that leaves is removed from the queue', async (t) => {
    const { server, port: backend, waiting } = await heldBackend();
    t.after(() => server.close());
    const { port, gateway } = await runGateway(
      t,
      site([`http://127.0.0.1:${backend}`], 'connections: { max: 1, queue: 5 }'),
    );
    const first = exchange(port, get);
    await eventually(() => waiting.length === 1, 'the first request is with the backend');
    assert.equal((await exchange(port, get, { timeout: 100 })).ended, 'timeout');
    await eventually(() => gateway.backends[0]!.load === 1, 'only the first is left');
    waiting[0]!.destroy();
    await first;
  });
});
