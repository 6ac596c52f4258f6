/** gRPC with its own client and server through the gateway: every kind of call gives the same result as without it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { after, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { HealthCheck } from '../../src/forward/health-check.ts';
import { certificate } from '../support/certificate.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { runGateway } from '../support/gateway.ts';
import { startProcess } from '../support/process.ts';

const owner = { after };
const run = promisify(execFile);
const host = 'www.example.net';
const peer = fileURLToPath(new URL('grpc_peer.py', import.meta.url));
/** Silences logs about answers that are not gRPC: thousands of lines while no server is there. */
const env = { ...process.env, GRPC_VERBOSITY: 'NONE' };
const client = async (...args: string[]): Promise<Record<string, unknown>> =>
  JSON.parse((await run('/usr/bin/python3', [peer, ...args], { timeout: 50_000, env })).stdout);
const call = (...args: string[]): Promise<Record<string, unknown>> => client('call', ...args);
const skip = existsSync('/usr/lib/python3/dist-packages/grpc')
  ? false
  : 'needs python3-grpcio: run test/install-peers.sh as root';

suite('gRPC', { skip }, async () => {
  if (skip !== false) return;
  const server = await startProcess(owner, '/usr/bin/python3', [peer, 'serve']);
  const [, backend] = await server.waitForLine(/^(\d+)$/m);
  const { cert, key } = await certificate(owner, [host]);
  const listen = `listen: [{ address: "127.0.0.1:0", tls: { cert: "${cert}", key: "${key}" } }]\n`;
  const { port, log, events } = await runGateway(
    owner,
    `
sites:
  - hosts: [${host}]
    backend: "h2c://127.0.0.1:${backend}"
    health: { path: /grpc.health.v1.Health/Check, interval: 1s }
bans: false
rateLimit: false
`,
    listen,
  );
  const cancelled = (): number =>
    server
      .stdout()
      .split('\n')
      .filter((line) => line === 'cancelled').length;

  test('calls of every kind give the same results as without the gateway', async () => {
    const direct = await call(backend!);
    assert.equal(direct.large, 3_000_000);
    await eventually(() => cancelled() === 2, 'the server sees the end of both abandoned calls', 30_000);
    assert.deepEqual(await call(String(port), cert, host), direct);
  });

  test('a call that its client cancels ends at the server', async () => {
    await eventually(() => cancelled() === 4, 'it sees those cancelled calls too', 30_000);
    assert.doesNotMatch(server.stdout(), /not cancelled/);
  });

  test('nothing is recorded and nothing fails', () => {
    assert.deepEqual(events, []);
    assert.deepEqual(
      log.filter((line) => JSON.parse(line).level >= 40),
      [],
    );
  });

  test('a rolling restart of two servers fails no call', async (t) => {
    const servers = await Promise.all([1, 2].map(() => startProcess(t, '/usr/bin/python3', [peer, 'serve'])));
    const ports = await Promise.all(servers.map((one) => one.waitForLine(/^(\d+)$/m)));
    const gate = await runGateway(
      t,
      `sites: [{ hosts: [${host}], backends: [${ports.map(([, at]) => `{ url: "h2c://127.0.0.1:${at}" }`).join(', ')}] }]\nbans: false\nrateLimit: false\n`,
      listen,
    );
    const found = client('codes', String(gate.port), cert, host);
    await eventually(() => gate.gateway.backends.every(({ load }) => load > 0), 'both are asked');
    servers[0]!.signal('SIGTERM');
    // The server itself cancels calls it accepted but did not process: at most those under way.
    const { OK, CANCELLED = 0, ...others } = await found;
    assert.ok(Number(OK) > 100, String(OK));
    assert.ok(Number(CANCELLED) <= 8, String(CANCELLED));
    assert.deepEqual(others, {});
    assert.deepEqual(gate.events, [], 'as many small calls are no flood');
  });

  test('without a server the client gets UNAVAILABLE', async (t) => {
    const gate = await runGateway(
      t,
      `sites: [{ hosts: [${host}], backend: "h2c://127.0.0.1:${await freePort()}" }]\nbans: false\nrateLimit: false\n`,
      listen,
    );
    assert.deepEqual(Object.keys(await client('codes', String(gate.port), cert, host)), ['UNAVAILABLE']);
  });

  for (const [says, problem] of [
    ['serving', null],
    ['not serving', /not serving/],
    ['unknown', /grpc-status 5/],
    ['nothing', /grpc-status 12/],
  ] as const)
    test(`the health check of a server that says ${says}`, async (t) => {
      const results: (string | null)[] = [];
      const other = await startProcess(t, '/usr/bin/python3', [peer, 'serve', says]);
      const [, at] = await other.waitForLine(/^(\d+)$/m);
      const settings = {
        path: '/grpc.health.v1.Health/Check',
        host,
        interval: 50,
        timeout: 20_000,
        rise: 1,
        fall: 1,
      };
      const address = { kind: 'tcp', host: '127.0.0.1', port: Number(at), http2: true } as const;
      const check = new HealthCheck(address, settings, (found) => results.push(found));
      t.after(() => check.close());
      await eventually(() => results.length > 1, 'it has answered twice');
      for (const result of results)
        if (problem === null) assert.equal(result, null);
        else assert.match(result ?? '', problem);
    });
});
