/** Mail guard and decoys in the whole program: probes are counted, stored, reported and banned as on HTTP. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { root } from '../support/gateway-process.ts';
import type { Owner } from '../support/owner.ts';
import { runProcess, startProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { tempDir } from '../support/temp-dir.ts';
import { Dialogue } from './dialogue.ts';
import { mailSink } from './support.ts';

const token = 'a-token-for-tests-0123456789';

/** Receives the alerts, and serves a web page. */
async function receiver(owner: Owner): Promise<{ url: string; told: { title: string; lines: string[] }[] }> {
  const told: { title: string; lines: string[] }[] = [];
  const server = createServer(async (req, res) => {
    let body = '';
    for await (const chunk of req.setEncoding('utf8')) body += chunk;
    if (req.url === '/') told.push(JSON.parse(body));
    res.end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  owner.after(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, told };
}

interface Event {
  readonly rule: string;
  readonly client: string;
  readonly listener: string;
  readonly destination: string | null;
  readonly intent: string;
  readonly answer: number | null;
}

test('mail probes are in events, journal, metrics and alerts, and ban their client from mail only', async (t) => {
  const folder = await tempDir(t, 'whole');
  const sink = await mailSink(t);
  const { url, told } = await receiver(t);
  const config = join(folder, 'sekisho.yaml');
  await writeFile(
    config,
    `listen: ["127.0.0.1:0"]
sites: [{ hosts: ["www.example.net:*"], backend: "${url}" }]
smtp: { listen: "127.0.0.1:0", backend: "127.0.0.1:${sink.port}", domains: [example.net], relayFrom: [127.0.0.6] }
decoys:
  - { listen: "127.0.0.1:0", speaks: socks }
  - { listen: "127.0.0.1:0", speaks: smtp }
admin: { listen: "127.0.0.1:0", token: ${token} }
journal: { path: ${folder}/sekisho.db }
bans: { after: 4, allow: [127.0.0.8] }
alerts: { webhook: "${url}", name: gate }
`,
  );
  const start = async () => {
    const child = await startProcess(t, process.execPath, ['src/cli.ts', 'start', '--config', config], {
      cwd: root,
    });
    const port = async (name: string) =>
      Number((await child.waitForLine(new RegExp(`^listening ${name} \\S*:(\\d+)$`), 30_000))[1]);
    return {
      child,
      web: await port('http'),
      mail: await port('smtp'),
      socks: await port('decoy socks'),
      mailDecoy: await port('decoy smtp'),
      admin: `127.0.0.1:${await port('admin')}`,
    };
  };
  const api = async (admin: string, path: string): Promise<Response> =>
    fetch(`http://${admin}${path}`, { headers: { authorization: `Bearer ${token}` } });
  const events = async (admin: string, query: string): Promise<Event[]> =>
    ((await (await api(admin, `/api/events?${query}`)).json()) as { events: Event[] }).events;

  const running = await start();
  const seeds = [
    ['RCPT TO: user@example.com', 'smtp-foreign-recipient'],
    ['RCPT TO: @example.net:user@example.com', 'smtp-source-route'],
    ['RCPT TO: example.com!user', 'smtp-bang-path'],
    ['RCPT TO: user%example.com@example.net', 'smtp-percent-hack'],
  ] as const;
  for (const from of ['127.0.0.7', '127.0.0.8']) {
    for (const [line] of seeds) {
      const client = await Dialogue.greeted(t, running.mail, from);
      await client.say('MAIL FROM:<a@example.org>');
      const refused = await client.say(line);
      assert.equal(refused.code, 550, `${from}, ${line}: ${refused.text}\n${running.child.stderr()}`);
      assert.equal(await client.code('QUIT'), 221);
      await client.closed();
    }
  }
  await exchange(running.socks, '\x04\x01\x00\x19\xc0\x00\x02\x01\x00', { from: '127.0.0.5' });
  await exchange(running.mailDecoy, 'RCPT TO: user%example.com@example.net\r\n', {
    from: '127.0.0.5',
    halfClose: true,
  });

  await t.test(
    'the client is banned at the guard for as long as senders retry, but still gets web pages; an allow-listed client is not banned',
    async () => {
      const banned = await Dialogue.open(t, running.mail, '127.0.0.7');
      assert.equal((await banned.reply()).text, '421 4.7.1 Access refused, try again later\r\n');
      await banned.closed();
      const page = 'GET /page HTTP/1.1\r\nHost: www.example.net\r\nConnection: close\r\n\r\n';
      assert.match((await exchange(running.web, page, { from: '127.0.0.7' })).text, /^HTTP\/1\.1 200 /);
      const allowed = await Dialogue.greeted(t, running.mail, '127.0.0.8');
      assert.equal(await allowed.code('MAIL FROM:<a@example.org>'), 250);
      allowed.socket.destroy();
      const { bans } = (await (await api(running.admin, '/api/bans')).json()) as {
        bans: { prefix: string; reason: string; scope?: string }[];
      };
      assert.deepEqual(
        bans.map(({ prefix, scope }) => [prefix, scope]),
        [['127.0.0.7/32', 'mail']],
      );
      assert.match(bans[0]!.reason, /smtp-/);
    },
  );

  await t.test('an address of the allow-list sends mail though a wider prefix is banned', async () => {
    const args = ['bans', 'add', '127.0.0.8/30', '--for', '1h', '--admin', `http://${running.admin}`];
    const added = await runProcess(process.execPath, ['src/cli.ts', ...args], {
      cwd: root,
      env: { SEKISHO_TOKEN: token },
    });
    assert.equal(added.code, 0, added.stderr);
    for (const [from, code] of [
      ['127.0.0.9', 421],
      ['127.0.0.8', 220],
    ] as const)
      assert.equal((await (await Dialogue.open(t, running.mail, from)).reply()).code, code, from);
  });

  await t.test('the admin API has each event with where the mail would have gone', async () => {
    for (const [, rule] of seeds) {
      await eventually(async () => (await events(running.admin, `rule=${rule}`)).length >= 2, rule);
      for (const event of await events(running.admin, `rule=${rule}`)) {
        assert.equal(event.destination, 'user@example.com');
        assert.equal(event.intent, 'mail-relay');
        assert.match(event.listener, /^(?:decoy )?smtp 127\.0\.0\.1:\d+$/);
      }
    }
    const [refused] = await events(running.admin, 'rule=client-banned&client=127.0.0.7');
    assert.equal(refused?.client, '127.0.0.7');
    assert.deepEqual(
      (await events(running.admin, 'client=127.0.0.5'))
        .map(({ rule, destination }) => [rule, destination])
        .sort(),
      [
        ['smtp-percent-hack', 'user@example.com'],
        ['socks4', '192.0.2.1:25'],
      ],
    );
  });

  await t.test('metrics count them', async () => {
    const sender = await Dialogue.greeted(t, running.mail, '127.0.0.8');
    for (const line of ['MAIL FROM:<a@example.org>', 'RCPT TO:<user@example.net>', 'DATA', 'x\r\n.'])
      assert.ok((await sender.code(line)) < 400, line);
    sender.socket.destroy();
    const metrics = await (await api(running.admin, '/metrics')).text();
    for (const [name, value] of [
      ['mails_total', 1],
      ['mail_recipients_total', 1],
      ['mail_bytes_total', 6],
    ] as const)
      assert.match(metrics, new RegExp(`^sekisho_${name} ${value}$`, 'm'));
    for (const [rule, count] of [...seeds.map(([, rule]) => [rule, 2] as const), ['socks4', 1] as const]) {
      const expected = rule === 'smtp-percent-hack' ? 3 : count;
      assert.match(
        metrics,
        new RegExp(`^sekisho_probes_total\\{rule="${rule}",action="block"\\} ${expected}$`, 'm'),
      );
    }
  });

  await t.test('alerts name the rules and the ban', async () => {
    await eventually(() => told.length > 0, 'an alert', 15_000);
    const text = JSON.stringify(told);
    assert.match(text, /smtp-percent-hack/);
    assert.match(text, /127\.0\.0\.7/);
  });

  await t.test('after sekisho bans remove, the client is accepted again', async () => {
    const env = { SEKISHO_TOKEN: token };
    const removed = await runProcess(
      process.execPath,
      ['src/cli.ts', 'bans', 'remove', '127.0.0.7', '--admin', `http://${running.admin}`],
      { cwd: root, env },
    );
    assert.equal(removed.code, 0, removed.stderr + removed.stdout);
    const again = await Dialogue.greeted(t, running.mail, '127.0.0.7');
    assert.equal(await again.code('MAIL FROM:<a@example.org>'), 250);
    again.socket.destroy();
  });

  await t.test('the journal has them after a restart', async () => {
    assert.deepEqual(await running.child.stop(), { code: 0, signal: null });
    const next = await start();
    assert.equal((await events(next.admin, 'rule=smtp-source-route')).length, 2);
    assert.deepEqual(await next.child.stop(), { code: 0, signal: null });
  });
});
