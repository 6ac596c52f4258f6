/** `sekisho report`, on a gateway with refused probes. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { mispFaults } from '../reports/misp-schema.ts';
import { stixFaults } from '../reports/stix-schema.ts';
import { faultsOf } from '../reports/xarf-schema.ts';
import { root } from '../support/gateway-process.ts';
import type { Owner } from '../support/owner.ts';
import { runProcess, startProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { eventually } from '../support/redis.ts';
import { tempDir } from '../support/temp-dir.ts';

const token = 'a-token-of-the-tests-0123456789';

async function start(owner: Owner, yaml: string): Promise<{ port: number; admin: string }> {
  const config = join(await tempDir(owner, 'report'), 'sekisho.yaml');
  await writeFile(
    config,
    `listen: ["127.0.0.1:0"]\nsites: [{ hosts: [www.example.net], backend: welcome }]\nadmin: { listen: "127.0.0.1:0", token: ${token} }\n${yaml}\n`,
  );
  const child = await startProcess(owner, process.execPath, ['src/cli.ts', 'start', '--config', config], {
    cwd: root,
  });
  const [, port] = await child.waitForLine(/^listening http 127\.0\.0\.1:(\d+)$/, 30_000);
  const [, admin] = await child.waitForLine(/^listening admin http:\/\/(127\.0\.0\.1:\d+)$/, 30_000);
  return { port: Number(port), admin: admin! };
}

suite('sekisho report', () => {
  test('writes letters about a source, and lists without private addresses', async (t) => {
    // Clients behind a trusted proxy, so that they can have public addresses.
    const { port, admin } = await start(t, 'trustedProxies: [127.0.0.1]\nbans: { allow: [203.0.113.9] }');
    for (const client of ['203.0.113.7', '203.0.113.7', '203.0.113.9', '10.0.0.1'])
      await exchange(port, `CONNECT mail.example.com:25 HTTP/1.1\r\nX-Forwarded-For: ${client}\r\n\r\n`);
    const events = async (): Promise<{ count: number }[]> => {
      const headers = { Authorization: `Bearer ${token}` };
      const answer = await fetch(`http://${admin}/api/events`, { headers });
      return ((await answer.json()) as { events: { count: number }[] }).events;
    };
    await eventually(
      async () => (await events()).reduce((sum, { count }) => sum + count, 0) === 4,
      'the journal has them',
    );
    const report = (...args: string[]) =>
      runProcess(process.execPath, ['src/cli.ts', 'report', '--admin', `http://${admin}`, ...args], {
        cwd: root,
        env: { ...process.env, SEKISHO_TOKEN: token },
      });
    const letter = await report('--client', '203.0.113.7');
    assert.equal(letter.code, 0, letter.stderr);
    assert.match(
      letter.stdout,
      /^Subject: Abuse report: attempts to relay through our server from 203\.0\.113\.7\n/,
    );
    // The proxy's port is not the client's.
    assert.match(letter.stdout, / UTC {2}203\.0\.113\.7 {2}127\.0\.0\.1:\d+ {2}"CONNECT mail/);
    const xarf = JSON.parse((await report('--client', '203.0.113.7', '--format', 'xarf')).stdout);
    assert.equal(faultsOf(xarf), '');
    assert.deepEqual(
      [xarf.total_probes, xarf.source_port, xarf.destination_port, xarf.reporter.domain],
      [2, undefined, port, 'reporter.invalid'],
    );
    const named = await report('--format', 'stix');
    assert.equal(named.stderr, '');
    const csv = (await report('--format', 'abuseipdb')).stdout.split('\n');
    assert.deepEqual(
      csv.map((line) => line.split(',', 2).join()),
      ['IP,Categories', '203.0.113.7,"14"', ''],
    );
    const [form, ...more] = (await report('--format', 'blocklist-de')).stdout.trimEnd().split('\n');
    assert.equal(new URLSearchParams(form).get('ip'), '203.0.113.7');
    assert.deepEqual(more, []);
    const stix = JSON.parse((await report('--format', 'stix')).stdout);
    assert.equal(stixFaults(stix), '');
    assert.equal(stix.objects.filter(({ type }: { type: string }) => type === 'indicator').length, 1);
    const misp = JSON.parse((await report('--format', 'misp', '--client', '203.0.113.0/24')).stdout);
    assert.equal(mispFaults(misp), '');
    assert.equal(misp.Event.Attribute.length, 1);
  });

  test('says that a list names no source', async (t) => {
    const { admin } = await start(t, '');
    for (const format of ['abuseipdb', 'blocklist-de', 'stix', 'misp']) {
      const { code, stderr } = await runProcess(
        process.execPath,
        ['src/cli.ts', 'report', '--admin', `http://${admin}`, '--format', format],
        { cwd: root, env: { ...process.env, SEKISHO_TOKEN: token } },
      );
      assert.deepEqual([code, stderr.slice(0, 10)], [0, 'No source:'], format);
    }
  });

  test('rejects wrong options and unknown clients with the reason', async (t) => {
    const { admin } = await start(t, '');
    const report = (...args: string[]) =>
      runProcess(process.execPath, ['src/cli.ts', 'report', ...args], {
        cwd: root,
        env: { ...process.env, SEKISHO_TOKEN: token },
      });
    for (const [args, code, words] of [
      [['--admin', `http://${admin}`], 1, /--format text is about one source\n {2}fix: name it: --client/],
      [
        ['--admin', `http://${admin}`, '--client', '203.0.113.7'],
        1,
        /the journal has no events of 203\.0\.113\.7/,
      ],
      [['--admin', `http://${admin}`, '--client', 'foo'], 1, /"foo" is not an address or prefix/],
      [['--admin', `http://${admin}`, '--format', 'stix', '--from', 'yesterday'], 1, /from is not a time/],
      [['--format', 'pdf'], 2, /Allowed choices are text, html, xarf, abuseipdb, blocklist-de, stix, misp/],
    ] as const) {
      const said = await report(...args);
      assert.deepEqual([said.code, said.stdout], [code, ''], said.stderr);
      assert.match(said.stderr, words);
    }
  });
});
