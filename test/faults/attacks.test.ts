/** Every attack of `npm run -s bench -- attacks`, briefly: ordinary clients are served and nothing grows. The bench measures latencies. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { attacks } from '../../bench/attacks/kinds.ts';
import { startAttacked, token } from '../../bench/attacks.ts';
import { eventually } from '../support/eventually.ts';
import { exchange } from '../support/raw-client.ts';

/** How each attack is counted and logged, so that an attack that misses its aim is noticed. */
const rules = [
  ...[
    'absolute-form-foreign',
    'connect',
    'host-foreign',
    'host-malformed',
    'header-overflow',
    'path-proxy',
    'host-override',
  ],
  ...['framing', 'socks5', 'not-http', 'tls-on-plaintext', 'smtp-foreign-recipient', 'smtp-source-route'],
];
const senders = [
  ['203.0.113.77', 'rate-limited'],
  ['127.0.0.71', 'client-banned'],
  ['203.0.113.66', 'client-banned'],
] as const;
/** Milliseconds of each attack, at least. */
const moment = 300;
/** Milliseconds an attack with single frames has to reach the number of an offence. */
const patience = 30_000;
const mib = 1024 ** 2;
const get = 'GET / HTTP/1.1\r\nHost: www.example.net\r\nConnection: close\r\n\r\n';

suite('an ordinary client is served under every attack', {
  skip: process.platform === 'linux' ? false : 'reads /proc',
}, () => {
  let attacked: Awaited<ReturnType<typeof startAttacked>>;
  let attackers: Worker;
  const stops: (() => unknown)[] = [];
  before(async () => {
    attacked = await startAttacked({ after: (stop) => stops.unshift(stop) });
    attackers = new Worker(new URL('../../bench/attacks/attacker.ts', import.meta.url), {
      workerData: attacked.ports,
    });
    stops.unshift(() => attackers.terminate());
  });
  after(async () => {
    for (const stop of stops) await stop();
  });
  const attack = async (name: string): Promise<void> => {
    attackers.postMessage(name);
    await once(attackers, 'message');
  };
  const peak = (): number =>
    Number(/VmHWM:\s*(\d+) kB/.exec(readFileSync(`/proc/${attacked.pid}/status`, 'utf8'))![1]) * 1024;

  const ask = async (path: string): Promise<string> => {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`http://127.0.0.1:${attacked.ports.admin}${path}`, { headers })).text();
  };
  const recorded = async (client: string, rule: string): Promise<boolean> =>
    (await ask(`/api/events?client=${client}&rule=${rule}&limit=1`)).includes(`"rule":"${rule}"`);

  for (const { name, clients, offence } of attacks)
    test(name, async () => {
      const before = { log: statSync(attacked.log).size, memory: peak() };
      await attack(name);
      const start = performance.now();
      const goesOn = async (): Promise<boolean> => {
        const elapsed = performance.now() - start;
        if (elapsed < moment) return true;
        if (clients === undefined || offence === undefined || (await recorded(clients, offence)))
          return false;
        assert.ok(elapsed < patience, `no ${offence} by ${clients} in ${patience} ms`);
        return true;
      };
      let served = 0;
      do {
        const { responses } = await exchange(attacked.ports.http, get);
        assert.equal(responses[0]?.status, 200);
        served++;
      } while ((await goesOn()) || served < 3);
      await attack('');
      const log = statSync(attacked.log).size - before.log;
      assert.ok(log < 4 * mib, `the log grew by ${log} bytes`);
      assert.ok(peak() - before.memory < 192 * mib, `memory grew by ${(peak() - before.memory) / mib} MiB`);
    });

  test('all attack connections are closed at the end', async () => {
    const few = (): boolean => readdirSync(`/proc/${attacked.pid}/fd`).length < 200;
    await eventually(few, 'their connections are closed', 30_000);
  });

  test('each attack was recorded as itself', async () => {
    const counted = await ask('/metrics');
    for (const rule of rules) assert.ok(counted.includes(`sekisho_probes_total{rule="${rule}"`), rule);
    for (const [client, rule] of senders)
      await eventually(() => recorded(client, rule), `${rule} by ${client} is in the journal`);
  });
});
