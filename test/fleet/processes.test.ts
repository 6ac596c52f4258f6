/** Three gateway processes and a Redis that is killed under load. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Redis } from 'iovalkey';
import { Pool } from 'undici';
import { type RunningProcess, startProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { eventually, startRedis } from '../support/redis.ts';
import { tempDir } from '../support/temp-dir.ts';

interface GatewayProcess {
  readonly process: RunningProcess;
  readonly port: number;
}

async function startGatewayProcess(t: TestContext, dir: string, fleet: string): Promise<GatewayProcess> {
  const file = join(dir, `${randomUUID()}.yaml`);
  await writeFile(
    file,
    `listen: ["127.0.0.1:0"]
sites: [{ hosts: ["www.example.net"], backend: welcome }]
bans: { after: 3, within: 10m, for: [1h] }
rateLimit: { max: 1000000, timeWindow: 1h }
fleet: ${fleet}
`,
  );
  const process = await startProcess(t, globalThis.process.execPath, [
    'src/cli.ts',
    'start',
    '--config',
    file,
  ]);
  const [, port] = await process.waitForLine(/^listening http 127\.0\.0\.1:(\d+)$/, 60_000);
  await process.waitForLine(/fleet: connected/, 60_000);
  return { process, port: Number(port) };
}

const request = 'GET / HTTP/1.1\r\nHost: www.example.net\r\nConnection: close\r\n\r\n';

async function statusFor(from: string, { port }: GatewayProcess): Promise<number> {
  const { responses } = await exchange(port, request, { from });
  return responses[0]!.status;
}

async function probeUntilBanned(from: string, gateway: GatewayProcess): Promise<void> {
  for (let i = 0; i < 3; i++)
    await exchange(
      gateway.port,
      'CONNECT www.example.com:443 HTTP/1.1\r\nHost: www.example.com:443\r\n\r\n',
      { from },
    );
  assert.equal(await statusFor(from, gateway), 403);
}

/** 2,000 requests a second over all gateways, from ordinary clients. */
function load(t: TestContext, gateways: readonly GatewayProcess[]) {
  const pools = gateways.map(({ port }) => new Pool(`http://127.0.0.1:${port}`, { connections: 4 }));
  t.after(() => Promise.all(pools.map((pool) => pool.destroy())));
  const answers = new Map<number | string, number>();
  const pending = new Set<Promise<unknown>>();
  const count = (what: number | string) => answers.set(what, (answers.get(what) ?? 0) + 1);
  let turn = 0;
  const timer = setInterval(() => {
    for (let i = 0; i < 20; i++) {
      const answer = pools[turn++ % pools.length]!.request({
        path: '/',
        method: 'GET',
        headers: { host: 'www.example.net' },
      })
        .then(async ({ statusCode, body }) => {
          await body.dump();
          count(statusCode);
        })
        .catch((error: Error) => count(error.message))
        .finally(() => pending.delete(answer));
      pending.add(answer);
    }
  }, 10);
  t.after(() => clearInterval(timer));
  return {
    answers,
    /** Resolves after this many more answers. */
    more: async (number: number) => {
      const total = () => [...answers.values()].reduce((sum, one) => sum + one, 0);
      const goal = total() + number;
      await eventually(() => total() >= goal, `${number} more answers`, 30_000);
    },
    end: async () => {
      clearInterval(timer);
      await Promise.all(pending);
    },
  };
}

test('a ban on one gateway blocks on all within a second; killing Redis under load loses no request and no ban', async (t) => {
  const dir = await tempDir(t, 'fleet');
  const redis = await startRedis(t);
  const fleet = `{ valkey: "${redis.url}", name: three }`;
  const gateways = await Promise.all([1, 2, 3].map(() => startGatewayProcess(t, dir, fleet)));
  const [a, b, c] = gateways as [GatewayProcess, GatewayProcess, GatewayProcess];

  const start = performance.now();
  await probeUntilBanned('127.0.0.11', a);
  const banned = performance.now();
  // One second is the documented promise.
  for (const other of [b, c])
    await eventually(
      async () => (await statusFor('127.0.0.11', other)) === 403,
      'the ban is everywhere',
      1000,
    );
  t.diagnostic(
    `banned after ${Math.round(banned - start)} ms, everywhere ${Math.round(performance.now() - banned)} ms later`,
  );
  assert.equal(await statusFor('127.0.0.12', b), 200);

  const traffic = load(t, gateways);
  await traffic.more(1000);
  await redis.kill();
  await Promise.all(gateways.map(({ process }) => process.waitForLine(/fleet: Valkey is unreachable/)));
  await probeUntilBanned('127.0.0.21', b);
  await probeUntilBanned('127.0.0.22', c);
  assert.equal(await statusFor('127.0.0.21', a), 200, 'a does not know of it');
  assert.equal(await statusFor('127.0.0.11', a), 403, 'what was known is in force');
  await traffic.more(3000);
  await redis.restart();
  for (const gateway of gateways)
    for (const client of ['127.0.0.11', '127.0.0.21', '127.0.0.22'])
      await eventually(async () => (await statusFor(client, gateway)) === 403, `${client} is banned`);
  await traffic.more(1000);
  await traffic.end();
  assert.deepEqual([...traffic.answers.keys()], [200], 'every answer a success');

  const client = new Redis(redis.url);
  t.after(() => client.disconnect());
  const events = async (from: string) => {
    const entries = await client.xrange('{three}:events', '-', '+');
    const probes = entries.map(
      ([, fields]) => JSON.parse(fields[3]!) as { event: { client: string; rule: string }; count: number },
    );
    return probes
      .filter(({ event }) => event.client === from && event.rule === 'connect')
      .reduce((sum, { count }) => sum + count, 0);
  };
  await eventually(
    async () => (await events('127.0.0.21')) === 3,
    'the events of the outage have arrived, each once',
  );
  await eventually(async () => (await events('127.0.0.22')) === 3, 'those of the other gateway too');
  for (const { process } of gateways) assert.equal((await process.stop()).code, 0);
});
