/** Up to 100,000 attackers, each with its own address, against `sekisho start` with bans, limits, journal and metrics. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { Pool } from 'undici';
import { root } from '../support/gateway-process.ts';
import { startProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { eventually } from '../support/redis.ts';
import { tempDir } from '../support/temp-dir.ts';

const most = 100_000;
/** On a busy machine, as many attackers as fit into this time, in milliseconds, but at least `least`. */
const time = 30_000;
const least = 10_000;
const lanes = 64;
const token = 'a-token-for-tests-0123456789';
const address = (i: number) => `11.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;

/** Sends a CONNECT as the client of this number. @returns the status line */
async function attack(port: number, number: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: `127.0.1.${1 + (number % 8)}` });
  let answer = '';
  socket.setEncoding('latin1').on('data', (text: string) => (answer += text));
  socket.end(
    `CONNECT www.example.com:443 HTTP/1.1\r\nHost: www.example.com:443\r\nX-Forwarded-For: ${address(number)}\r\n\r\n`,
  );
  await once(socket, 'close');
  return answer.slice(0, answer.indexOf('\r'));
}

test('under up to 100,000 attackers each is refused and banned, ordinary clients are served, and memory stays bounded', async (t) => {
  const dir = await tempDir(t, 'flood');
  const [config, database] = [join(dir, 'sekisho.yaml'), join(dir, 'sekisho.db')];
  await writeFile(
    config,
    `listen: ["127.0.0.1:0"]
sites: [{ hosts: [www.example.net], backend: welcome }]
trustedProxies: [127.0.1.0/28]
bans: { after: 1, for: [1d] }
rateLimit: { max: 1000000, timeWindow: 1d }
journal: { path: ${database} }
admin: { listen: "127.0.0.1:0", token: ${token} }
log: { level: error }
`,
  );
  const gateway = await startProcess(t, process.execPath, ['src/cli.ts', 'start', '--config', config], {
    cwd: root,
    timeout: 280_000,
  });
  const [, port] = await gateway.waitForLine(/^listening http 127\.0\.0\.1:(\d+)$/, 60_000);
  const [, admin] = await gateway.waitForLine(/^listening admin http:\/\/127\.0\.0\.1:(\d+)$/, 60_000);
  const metric = async (line: RegExp): Promise<number> => {
    const response = await fetch(`http://127.0.0.1:${admin}/metrics`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const text = await response.text();
    return Number(line.exec(text)?.[1] ?? assert.fail(`no ${line} in ${text}`));
  };
  const resident = async (): Promise<number> =>
    Number(/VmHWM:\s+(\d+)/.exec(await readFile(`/proc/${gateway.pid}/status`, 'utf8'))![1]) / 1024;

  const ordinary = new Pool(`http://127.0.0.1:${port}`, { connections: 2 });
  t.after(() => ordinary.destroy());
  const served = new Map<number, number>();
  const ask = async (): Promise<void> => {
    const { statusCode, body } = await ordinary.request({
      path: '/',
      method: 'GET',
      headers: { host: 'www.example.net' },
    });
    await body.dump();
    served.set(statusCode, (served.get(statusCode) ?? 0) + 1);
  };
  await ask();
  const before = await resident();
  const answers = new Map<string, number>();
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < most && (next < least || performance.now() < end)) {
      const number = next++;
      const answer = await attack(Number(port), number);
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
      if (number % 100 === 0) await ask();
    }
  };
  const start = performance.now();
  const end = start + time;
  await Promise.all(Array.from({ length: lanes }, lane));
  const attackers = next;
  t.diagnostic(`${attackers} attackers in ${((performance.now() - start) / 1000).toFixed(1)} s`);

  assert.deepEqual([...answers], [['HTTP/1.1 405 Method Not Allowed', attackers]]);
  assert.deepEqual([...served], [[200, 1 + Math.ceil(attackers / 100)]]);
  assert.equal(await metric(/^sekisho_bans (\d+)$/m), attackers);
  assert.equal(await metric(/^sekisho_probes_total\{rule="connect",action="block"\} (\d+)$/m), attackers);
  const grown = (await resident()) - before;
  t.diagnostic(`${grown.toFixed(0)} MiB more at most, ${before.toFixed(0)} MiB before`);
  assert.ok(grown < 250, `${grown.toFixed(0)} MiB more`);
  for (const number of [0, attackers >> 1, attackers - 1]) {
    const request = `GET / HTTP/1.1\r\nHost: www.example.net\r\nX-Forwarded-For: ${address(number)}\r\n\r\n`;
    const { responses } = await exchange(Number(port), request, { from: '127.0.1.1' });
    assert.equal(responses[0]?.status, 403, address(number));
  }
  assert.equal((await gateway.stop(20_000)).code, 0, 'it shuts down cleanly');
  const bytes = (await stat(database)).size;
  t.diagnostic(`journal ${(bytes / 1024 ** 2).toFixed(0)} MiB`);

  const again = await startProcess(t, process.execPath, ['src/cli.ts', 'start', '--config', config], {
    cwd: root,
  });
  const [, later] = await again.waitForLine(/^listening http 127\.0\.0\.1:(\d+)$/, 60_000);
  await eventually(async () => {
    const request = `GET / HTTP/1.1\r\nHost: www.example.net\r\nX-Forwarded-For: ${address(attackers - 7)}\r\n\r\n`;
    return (await exchange(Number(later), request, { from: '127.0.1.1' })).responses[0]?.status === 403;
  }, 'the bans are in force after a restart');
});
