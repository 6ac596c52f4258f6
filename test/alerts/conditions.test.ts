/** Alerts end to end, from the attacker's socket to the receiver: a whole checkpoint per condition. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { DatabaseSync } from 'node:sqlite';
import { suite, type TestContext, test } from 'node:test';
import { SMTPServer } from 'smtp-server';
import { foreign, runCheckpoint } from '../support/checkpoint.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { tempDir } from '../support/temp-dir.ts';

interface Alert {
  readonly kind: string;
  readonly level: string;
  readonly title: string;
  readonly lines: readonly string[];
}

const ordinary = 'GET / HTTP/1.1\r\nHost: www.example.net:8080\r\n\r\n';
const conditions = ['first', 'ban', 'passed', 'backend', 'journal'] as const;
/** Turns on one kind of alert. `rate` is a number; 0 turns it off. */
const only = (kind: (typeof conditions)[number] | 'rate'): string =>
  `when: { rate: ${kind === 'rate' ? 20 : 0}, ${conditions.map((name) => `${name}: ${name === kind}`).join(', ')} }`;

async function receiver(t: TestContext): Promise<{ url: string; alerts: Alert[] }> {
  const alerts: Alert[] = [];
  const server = createServer(async (req, res) => {
    let body = '';
    for await (const chunk of req.setEncoding('utf8')) body += chunk;
    alerts.push(JSON.parse(body) as Alert);
    res.end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, alerts };
}

/** A checkpoint with one kind of alert, and the alerts received. */
async function watched(t: TestContext, kind: Parameters<typeof only>[0], yaml = '', digest = '1s') {
  const { url, alerts } = await receiver(t);
  const checkpoint = await runCheckpoint(
    t,
    `alerts: { name: gate, webhook: "${url}", digest: ${digest}, ${only(kind)} }\n${yaml}`,
  );
  const until = (count: number) => eventually(() => alerts.length >= count, `${count} messages`, 60_000);
  return { ...checkpoint, alerts, until, kinds: () => alerts.map((one) => one.kind) };
}

suite('an alert is sent', { concurrency: 8, timeout: 170_000 }, () => {
  test('for the first probe of a rule, not for the next', async (t) => {
    // Longer than the test: both probes belong to one message, however slow the machine is.
    const { probe, until, alerts, control } = await watched(t, 'first', '', '1h');
    await probe(foreign('www.example.com', '/azenv.php'));
    await until(1);
    await probe(foreign('www.example.com', '/again'));
    await control.close();
    assert.deepEqual(
      alerts.map(({ kind, title }) => [kind, title]),
      [
        ['first', 'gate: first absolute-form-foreign probe'],
        ['summary', 'gate: quiet again after 2 probes'],
      ],
    );
  });

  test('for more probes in a minute than the limit, and when it is over, with the exact count', async (t) => {
    const { probe, until, alerts, written, control } = await watched(
      t,
      'rate',
      'bans: false\nrateLimit: false\n',
    );
    for (let i = 0; i < 40; i++) await probe(foreign(`host${i % 3}.example.com`), `127.0.0.${2 + (i % 2)}`);
    await until(1);
    assert.deepEqual([alerts[0]!.kind, alerts[0]!.level], ['rate', 'trouble']);
    assert.match(alerts[0]!.title, /^gate: under attack, \d+ probes so far$/);
    await written(40);
    await control.close();
    assert.deepEqual(
      alerts.slice(1).map(({ kind, level, title }) => [kind, level, title]),
      [['summary', 'relief', 'gate: quiet again after 40 probes']],
    );
    assert.match(
      alerts[1]!.lines.join('\n'),
      /From 2 sources: 127\.0\.0\.[23] \(20\), 127\.0\.0\.[23] \(20\)/,
    );
  });

  test('for a ban', async (t) => {
    const { probe, until, alerts } = await watched(t, 'ban', 'bans: { after: 2, within: 1m, for: [10m] }\n');
    for (let i = 0; i < 3; i++) await probe(foreign(), '127.0.0.44');
    await until(1);
    assert.deepEqual([alerts[0]!.kind, alerts[0]!.title], ['ban', 'gate: banned 127.0.0.44']);
  });

  test('for a probe that preset observe forwards, although preset default blocks it', async (t) => {
    const { probe, until, alerts } = await watched(t, 'passed', 'policy: { preset: observe }\n');
    assert.match(await probe(foreign()), /^HTTP\/1\.1 200/);
    await until(1);
    assert.deepEqual(
      [alerts[0]!.kind, alerts[0]!.level, alerts[0]!.title],
      ['passed', 'trouble', 'gate: a probe was forwarded to a backend'],
    );
    assert.match(
      alerts[0]!.lines[0]!,
      /^Forwarded, although preset default blocks it: absolute-form-foreign/,
    );
  });

  test('for no such probe under preset default', async (t) => {
    const { probe, alerts, control, written } = await watched(t, 'passed');
    await probe(foreign());
    await probe('GET //evil.example/x HTTP/1.1\r\nHost: www.example.net:8080\r\n\r\n');
    await written(2);
    await control.close();
    assert.deepEqual(alerts, []);
  });

  for (const [how, health] of [
    ['a check finds', ', health: { path: /, interval: 200ms, timeout: 1s, rise: 1, fall: 2 }'],
    ['requests find', ''],
  ] as const)
    test(`for a backend that ${how} down, and when it is up again`, async (t) => {
      const port = await freePort();
      const sites = `sites: [{ hosts: ["www.example.net:8080"], backend: "http://127.0.0.1:${port}"${health} }]\n`;
      const { probe, until, alerts } = await watched(t, 'backend', sites);
      for (let i = 0; i < 4; i++) assert.match(await probe(ordinary), /^HTTP\/1\.1 50[23]/);
      await until(1);
      assert.equal(alerts[0]!.title, `gate: backend 127.0.0.1:${port} is down`);
      const backend = createServer((_req, res) => res.end('here'));
      await once(backend.listen(port, '127.0.0.1'), 'listening');
      t.after(() => {
        backend.closeAllConnections();
        backend.close();
      });
      await eventually(async () => / 200 /.test(await probe(ordinary)), 'the backend is asked again', 20_000);
      await until(2);
      assert.deepEqual(
        [alerts[1]!.level, alerts[1]!.title],
        ['relief', `gate: backend 127.0.0.1:${port} is up again`],
      );
    });

  test('once for a journal that cannot be written, while traffic goes on and everything is counted', async (t) => {
    const path = `${await tempDir(t, 'locked')}/sekisho.db`;
    const { probe, until, alerts, json, get, written } = await watched(
      t,
      'journal',
      `journal: { path: ${path} }\nbans: false\n`,
    );
    await probe(foreign());
    await written(1);
    const locker = new DatabaseSync(path);
    t.after(() => locker.close());
    locker.exec('BEGIN IMMEDIATE');
    for (let i = 0; i < 30; i++) {
      assert.match(await probe(foreign(`host${i}.example.com`)), /^HTTP\/1\.1 421/);
      assert.match(await probe(ordinary), /^HTTP\/1\.1 200/);
    }
    await until(1);
    assert.equal(alerts[0]!.title, 'gate: the journal cannot be written');
    assert.match(alerts[0]!.lines[0]!, /locked/);
    type JournalStatus = { journal: { unwritten: number; trouble: string | null } };
    // Events reach the journal in batches: the last one can still be on its way.
    let { journal } = await json<JournalStatus>('/api/status');
    await eventually(
      async () => {
        ({ journal } = await json<JournalStatus>('/api/status'));
        return journal.unwritten === 30;
      },
      'all 30 probes are unwritten',
      20_000,
    );
    assert.match(journal.trouble!, /locked/);
    const metrics = await (await get('/metrics')).text();
    assert.match(metrics, /^sekisho_journal_up 0$/m);
    assert.match(metrics, /^sekisho_journal_unwritten 30$/m);
    assert.match(metrics, /^sekisho_probes_total\{rule="absolute-form-foreign",action="block"\} 31$/m);
    locker.exec('ROLLBACK');
    await written(31);
    await until(2);
    assert.deepEqual(
      alerts.map(({ title }) => title),
      ['gate: the journal cannot be written', 'gate: the journal can be written again'],
    );
  });

  test('to all configured receivers, each in its own format', async (t) => {
    const chat = await receiver(t);
    const mails: string[] = [];
    const smarthost = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      onData(stream, _session, done) {
        let text = '';
        stream.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        stream.on('end', () => {
          mails.push(text);
          done();
        });
      },
    });
    await once(smarthost.listen(0, '127.0.0.1'), 'listening');
    t.after(() => new Promise<void>((done) => smarthost.close(() => done())));
    const log = createSocket('udp4');
    t.after(() => log.close());
    log.bind(0, '127.0.0.1');
    await once(log, 'listening');
    const logged = once(log, 'message');
    const { probe, until } = await watched(t, 'first');
    const smtp = (smarthost.server.address() as AddressInfo).port;
    const all = await runCheckpoint(
      t,
      `alerts:
  name: gate
  digest: 1s
  webhook: [{ url: "${chat.url}", style: slack }]
  mail: { smarthost: "smtp://127.0.0.1:${smtp}", from: gate@example.net, to: [night@example.net] }
  syslog: udp://127.0.0.1:${log.address().port}
`,
    );
    await all.probe(foreign());
    await probe(foreign());
    await until(1);
    await eventually(
      () => chat.alerts.length === 1 && mails.length === 1,
      'chat and mail have the alert',
      20_000,
    );
    assert.equal(
      (chat.alerts[0] as unknown as { text: string }).text,
      'gate: first absolute-form-foreign probe',
    );
    assert.match(mails[0]!, /^Subject: gate: first absolute-form-foreign probe\r$/m);
    assert.match(String((await logged)[0]), /^<85>1 .* gate: first absolute-form-foreign probe; /);
  });

  test('without blocking requests when a receiver never answers', async (t) => {
    let asked = 0;
    const deaf = createTcpServer((socket) => {
      asked++;
      socket.on('error', () => {});
      t.after(() => socket.destroy());
    });
    await once(deaf.listen(0, '127.0.0.1'), 'listening');
    t.after(() => deaf.close());
    const { port } = deaf.address() as AddressInfo;
    const { probe, json, written } = await runCheckpoint(
      t,
      `bans: false\nalerts: { webhook: "http://127.0.0.1:${port}/", syslog: "tcp://127.0.0.1:${port}", digest: 1s }\n`,
    );
    await probe(foreign());
    await eventually(() => asked === 2, 'both are being sent to', 20_000);
    const begin = Date.now();
    for (let i = 0; i < 50; i++) {
      assert.match(await probe(foreign()), /^HTTP\/1\.1 421/);
      assert.match(await probe(ordinary), /^HTTP\/1\.1 200/);
    }
    await written(51);
    assert.ok(Date.now() - begin < 8000, `${Date.now() - begin} ms`);
    const { alerts } = await json<{ alerts: { sent: number; lost: number } }>('/api/status');
    assert.ok(alerts.sent >= 1 && alerts.lost === 0, JSON.stringify(alerts));
  });
});
