import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { Digest } from '../../src/alerts/digest.ts';
import type { AlertMessage } from '../../src/alerts/message.ts';
import { service } from '../../src/alerts/services.ts';
import { parseConfig } from '../../src/config/load.ts';
import { freePort } from '../support/free-port.ts';
import { root } from '../support/gateway-process.ts';
import type { Owner } from '../support/owner.ts';
import { foldedEventOf } from '../support/probe-events.ts';
import { startProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';

interface Received {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Accepts posts; answers 404 to a path with `no` in it, 500 to one with `broken`. */
async function receiver(owner: Owner) {
  const received: Received[] = [];
  const server = createServer(async (req, res) => {
    let body = '';
    for await (const chunk of req.setEncoding('utf8')) body += chunk;
    received.push({ url: req.url!, headers: req.headers, body });
    res.writeHead(req.url!.includes('broken') ? 500 : req.url!.includes('no') ? 404 : 200).end();
  });
  owner.after(() => server.closeAllConnections());
  owner.after(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { received, host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const sites = 'sites: [{ hosts: [www.example.net], backend: welcome }]\n';

const message: AlertMessage = {
  id: '1',
  kind: 'rate',
  level: 'trouble',
  time: 1_700_000_000_000,
  from: 'gate',
  title: 'gate: under attack',
  lines: ['500 probes'],
  signed: 'signed',
  link: 'https://gate.example.net/#/events',
  facts: {},
};

test('ntfy, Gotify, Telegram, PagerDuty and Alertmanager get messages in the form of their APIs', async (t) => {
  const { received, host } = await receiver(t);
  const { alerts } = parseConfig(
    `${sites}alerts:
  ntfy: "http://:tk_abc@${host}/topic"
  gotify: "http://${host}/message?token=AbC"
  telegram: { token: "123:abc", chat: "-42", url: "http://${host}" }
  pagerduty: { routingKey: 0123456789abcdef0123456789abcdef, url: "http://${host}/v2/enqueue" }
  alertmanager: "http://${host}/"
`,
    '.',
  );
  assert.ok(alerts);
  for (const one of alerts.services) {
    const channel = service(one);
    t.after(() => channel.close());
    await channel.send(message);
    await channel.send({ ...message, kind: 'summary', level: 'relief' });
    await channel.send({ ...message, kind: 'ban', level: 'notice' });
  }
  const of = (path: string) => received.filter(({ url }) => url.startsWith(path));
  const [ntfy] = of('/topic');
  assert.equal(ntfy!.headers.authorization, `Basic ${Buffer.from(':tk_abc').toString('base64')}`);
  assert.deepEqual(
    [ntfy!.headers.title, ntfy!.headers.priority, ntfy!.headers.click, ntfy!.body],
    [message.title, '4', message.link, '500 probes'],
  );
  const gotify = of('/message?token=AbC').map(({ body }) => JSON.parse(body));
  assert.deepEqual(
    gotify.map(({ priority }) => priority),
    [8, 3, 5],
  );
  const telegram = JSON.parse(of('/bot123:abc/sendMessage')[0]!.body);
  assert.deepEqual(
    [telegram.chat_id, telegram.text, telegram.parse_mode],
    ['-42', `gate: under attack\n\n500 probes\n\n${message.link}`, undefined],
  );
  const pager = of('/v2/enqueue').map(({ body }) => JSON.parse(body));
  assert.deepEqual(
    pager.map(({ event_action, dedup_key }) => `${event_action} ${dedup_key}`),
    ['trigger sekisho gate probes', 'resolve sekisho gate probes'],
    'notices are not sent',
  );
  const manager = of('/api/v2/alerts').map(({ body }) => JSON.parse(body)[0]);
  assert.deepEqual(manager[0].labels, manager[1].labels, 'the end has the labels of the beginning');
  assert.equal(Date.parse(manager[1].endsAt), message.time);
  assert.ok(Date.parse(manager[0].endsAt) > message.time);
});

test('a certificate and its OCSP response are incidents of their own', async (t) => {
  const { received, host } = await receiver(t);
  const { alerts } = parseConfig(
    `${sites}alerts: { pagerduty: { routingKey: 0123456789abcdef0123456789abcdef, url: "http://${host}/" } }\n`,
    '.',
  );
  assert.ok(alerts);
  const channel = service(alerts.services[0]!);
  t.after(() => channel.close());
  for (const kind of ['certificate', 'certificate-file', 'ocsp'] as const)
    for (const level of ['trouble', 'relief'] as const)
      await channel.send({ ...message, kind, level, facts: { name: 'www.example.net' } });
  await channel.send({ ...message, kind: 'summary', level: 'relief' });
  const sent = received.map(({ body }) => JSON.parse(body));
  assert.deepEqual(
    sent.map(({ event_action, dedup_key }) => `${event_action} ${dedup_key}`),
    [
      'trigger sekisho gate certificate www.example.net',
      'resolve sekisho gate certificate www.example.net',
      'trigger sekisho gate certificate-file www.example.net',
      'resolve sekisho gate certificate-file www.example.net',
      'trigger sekisho gate ocsp www.example.net',
      'resolve sekisho gate ocsp www.example.net',
      'resolve sekisho gate probes',
    ],
  );
});

test('alerts test reports the answer of each receiver, and exits 1 if one failed', async (t) => {
  const { received, host } = await receiver(t);
  const file = join(await tempDir(t, 'alerts-test'), 'sekisho.yaml');
  const attempt = async (path: string) => {
    await writeFile(
      file,
      `${sites}alerts: { webhook: "http://${host}/hook", ntfy: "http://${host}/${path}" }\n`,
    );
    const run = await startProcess(t, process.execPath, [
      join(root, 'src/cli.ts'),
      'alerts',
      'test',
      '--config',
      file,
    ]);
    return { ...(await run.exited), out: run.stdout() };
  };
  const good = await attempt('topic');
  assert.equal(good.code, 0);
  assert.match(good.out, /^webhook 127\.0\.0\.1:\d+: accepted it$/m);
  const bad = await attempt('nowhere');
  assert.equal(bad.code, 1);
  assert.match(bad.out, /^ntfy 127\.0\.0\.1:\d+: failed: ntfy answered 404$/m);
  assert.equal(received.length, 4);
});

test('alerts test names each of several webhooks by its place in the config', async (t) => {
  const { host } = await receiver(t);
  const file = join(await tempDir(t, 'alerts-test'), 'sekisho.yaml');
  await writeFile(
    file,
    `${sites}alerts: { webhook: [{ url: "http://${host}/hook" }, { url: "http://${host}/broken" }] }\n`,
  );
  const program = join(root, 'src/cli.ts');
  const run = await startProcess(t, process.execPath, [program, 'alerts', 'test', '--config', file]);
  assert.equal((await run.exited).code, 1);
  assert.match(run.stdout(), /^webhook\[0\] 127\.0\.0\.1:\d+: accepted it$/m);
  assert.match(run.stdout(), /^webhook\[1\] 127\.0\.0\.1:\d+: failed: .* answered 500$/m);
});

test('alerts test reports each kind of failure: HTTP 500, unreachable mail and syslog', async (t) => {
  const { host } = await receiver(t);
  const nobody = await freePort();
  const file = join(await tempDir(t, 'alerts-test'), 'sekisho.yaml');
  await writeFile(
    file,
    `${sites}alerts:
  webhook: "http://${host}/broken"
  mail: { smarthost: "smtp://127.0.0.1:${nobody}", from: gate@example.net, to: [admin@example.net] }
  syslog: tcp://127.0.0.1:${nobody}
`,
  );
  const run = await startProcess(t, process.execPath, [
    join(root, 'src/cli.ts'),
    'alerts',
    'test',
    '--config',
    file,
  ]);
  assert.equal((await run.exited).code, 1);
  const lines = run.stdout().trim().split('\n').sort();
  assert.equal(lines.length, 3);
  assert.match(lines[0]!, /^mail .*: failed: .*ECONNREFUSED/);
  assert.match(lines[1]!, /^syslog tcp 127\.0\.0\.1:\d+: failed: .*ECONNREFUSED/);
  assert.match(lines[2]!, /^webhook 127\.0\.0\.1:\d+: failed: .* answered 500$/);
});

test('the daily message counts the day; the others have advice and a link by admin.url', () => {
  const { alerts } = parseConfig(
    `${sites}admin: { url: "https://gate.example.net/" }\nalerts: { syslog: "udp://127.0.0.1", daily: "08:00" }\n`,
    '.',
  );
  assert.ok(alerts);
  const messages: AlertMessage[] = [];
  const digest = new Digest({ config: alerts, name: 'gate', emit: (one) => messages.push(one) });
  const noon = new Date(2026, 4, 4, 12).getTime();
  digest.tick(noon);
  const probe = foldedEventOf({ time: noon, count: 7 });
  digest.add([probe], noon);
  digest.recorded(probe, 41);
  digest.tick(noon + 10_000);
  assert.match(messages[0]!.lines.at(-1)!, /^What to do: /);
  assert.equal(messages[0]!.link, 'https://gate.example.net/#/event/41');
  digest.tick(new Date(2026, 4, 5, 7, 59).getTime());
  assert.ok(!messages.some(({ kind }) => kind === 'daily'));
  for (const day of [5, 6]) digest.tick(new Date(2026, 4, day, 8).getTime());
  assert.deepEqual(
    messages.filter(({ kind }) => kind === 'daily').map(({ title }) => title),
    ["gate: today's summary, 7 probes", "gate: today's summary, 0 probes"],
  );
});
