/** The active health check of a backend; each check opens its own connection. */
import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import type { BackendAddress } from '../../src/forward/backend.ts';
import { HealthCheck, type HealthOptions } from '../../src/forward/health-check.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { type BackendConnection, rawBackend } from '../support/raw-backend.ts';

const options: HealthOptions = {
  path: '/healthz?a=b',
  host: 'www.example.net',
  interval: 20,
  timeout: 2000,
  rise: 1,
  fall: 1,
};

/** The results of checks so far. */
function checked(t: TestContext, address: BackendAddress, changes: Partial<HealthOptions> = {}) {
  const results: (string | null)[] = [];
  const check = new HealthCheck(address, { ...options, ...changes }, (problem) => results.push(problem));
  t.after(() => check.close());
  return { check, results };
}

async function backend(t: TestContext, serve: (connection: BackendConnection) => unknown) {
  const { port, connections } = await rawBackend(t, serve);
  return { address: { kind: 'tcp', host: '127.0.0.1', port } as const, connections };
}

suite('a health check', () => {
  for (const [what, bytes, good] of [
    ['200', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', true],
    ['204', 'HTTP/1.1 204 Fine\r\n\r\n', true],
    ['a redirect', 'HTTP/1.1 302 Found\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n', true],
    ['early hints first', 'HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', true],
    ['a body that does not end', 'HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nok', true],
    ['404', 'HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n', false],
    ['503', 'HTTP/1.1 503 Ill\r\nContent-Length: 0\r\n\r\n', false],
    ['no HTTP', '220 mail.example.net ESMTP\r\n\r\n', false],
    ['a protocol of its own', 'HTTP/1.1 101 Switching\r\nUpgrade: foo\r\n\r\n', false],
  ] as const)
    test(`${good ? 'passes' : 'fails'} on ${what}, every time`, async (t) => {
      const { address } = await backend(t, async ({ socket, until }) => {
        await until(/\r\n\r\n/);
        socket.write(bytes);
      });
      const { results } = checked(t, address);
      await eventually(() => results.length >= 3, 'it is asked at intervals');
      assert.ok(
        results.every((problem) => (problem === null) === good),
        results.join(),
      );
    });

  test('asks at once, and not again once it is closed', async (t) => {
    const cleared = t.mock.method(globalThis, 'clearInterval').mock;
    const { address } = await backend(t, ({ socket }) => socket.write('HTTP/1.1 204 Fine\r\n\r\n'));
    const { check, results } = checked(t, address, { interval: 600_000 });
    await eventually(() => results.length === 1, 'it has a result');
    const before = cleared.callCount();
    check.close();
    assert.equal(cleared.callCount(), before + 1);
  });

  test('sends an ordinary request on a new connection each time, and closes it', async (t) => {
    const { address, connections } = await backend(t, async ({ socket, until }) => {
      await until(/\r\n\r\n/);
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
    const { results } = checked(t, address);
    await eventually(() => results.length >= 3, 'it is asked three times');
    assert.ok(connections.length >= 3);
    await connections[0]!.ended;
    assert.match(
      connections[0]!.text(),
      /^GET \/healthz\?a=b HTTP\/1\.1\r\nHost: www\.example\.net\r\n[\s\S]*Connection: close\r\n\r\n$/,
    );
  });

  test('fails where nothing listens', async (t) => {
    const { results } = checked(t, { kind: 'tcp', host: '127.0.0.1', port: await freePort() });
    await eventually(() => results.length > 0, 'it has a result');
    assert.match(results[0]!, /accepts no connection/);
  });

  test('fails without an answer in time, and only one runs at a time', async (t) => {
    const { address, connections } = await backend(t, () => {});
    const { results } = checked(t, address, { timeout: 150, interval: 10 });
    await eventually(() => results.length > 0, 'it has a result');
    assert.match(results[0]!, /did not answer \/healthz\?a=b within 150 ms/);
    assert.ok(connections.length <= 2);
    await connections[0]!.ended;
  });

  test('fails where Node refuses the settings', async (t) => {
    const { results } = checked(t, { kind: 'tcp', host: '127.0.0.1', port: 65_536 });
    await eventually(() => results.length > 1, 'it has results');
    assert.match(results[0]!, /cannot be dialled/);
  });

  test('has no result after it is closed', async (t) => {
    const { address, connections } = await backend(t, () => {});
    const { check, results } = checked(t, address);
    await eventually(() => connections.length === 1, 'it asks');
    check.close();
    await connections[0]!.ended;
    assert.deepEqual(results, []);
    assert.equal(connections.length, 1);
  });
});
