/** Settings of the mail guard that change without a restart, and without ending sessions. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { loadConfig } from '../../src/config/load.ts';
import { needsRestart } from '../../src/config/needs-restart.ts';
import { eventually } from '../support/eventually.ts';
import { root } from '../support/gateway-process.ts';
import { without } from '../support/peers.ts';
import { startProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';
import { certificate } from './certificate.ts';
import { Dialogue } from './dialogue.ts';
import { guardOptions, mailSink, startGuard } from './support.ts';

test('new domains, networks, limits and mail servers apply to new clients; an open session keeps the old ones', async (t) => {
  const [before, after] = [await mailSink(t), await mailSink(t)];
  const { port, guard } = await startGuard(t, before.port);
  const old = await Dialogue.greeted(t, port, '127.0.0.2');
  assert.equal(await old.code('MAIL FROM:<a@example.org>'), 250);
  guard
    .prepare(
      guardOptions(after.port, {
        domains: ['example.edu'],
        relayFrom: ['127.0.0.3'],
        limits: { recipients: 1 },
      }),
    )
    .commit();
  const outside = await Dialogue.greeted(t, port, '127.0.0.2');
  await outside.say('MAIL FROM:<a@example.org>');
  assert.equal(await outside.code('RCPT TO:<user@example.net>'), 550);
  assert.equal(await outside.code('RCPT TO:<user@example.edu>'), 250);
  assert.equal(await outside.code('RCPT TO:<user@example.edu>'), 452);
  const inside = await Dialogue.greeted(t, port, '127.0.0.3');
  await inside.say('MAIL FROM:<a@example.org>');
  assert.equal(await inside.code('RCPT TO:<user@example.com>'), 250);
  assert.equal(await old.code('RCPT TO:<user@example.net>'), 250);
  assert.equal(await old.code('DATA'), 354);
  assert.equal(await old.code('x\r\n.'), 250);
  assert.equal(before.mails.length, 1);
  assert.equal(after.received.length, 2);
  assert.throws(() => guard.prepare(guardOptions(after.port, { domains: ['no domain'] })), /is no domain/);
});

async function subject(port: number): Promise<unknown> {
  const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return CN;
}

test('a renewed certificate is used once its files change, and SIGHUP reloads everything but addresses', {
  skip: without('openssl'),
}, async (t) => {
  const sink = await mailSink(t);
  const folder = await tempDir(t, 'reload');
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const use = async (name: string): Promise<void> => {
    const [files] = await certificate(t, name);
    await copyFile(files!.key, key);
    await copyFile(files!.cert, cert);
  };
  await use('first.example.net');
  const text = (domain: string): string => `
smtp:
  listen: [{ address: "127.0.0.1:0", tls: implicit }]
  backend: "127.0.0.1:${sink.port}"
  domains: [${domain}]
  tls: { cert: ${cert}, key: ${key} }
`;
  const config = join(folder, 'sekisho.yaml');
  await writeFile(config, text('example.net'));
  const args = ['src/cli.ts', 'start', '--config', config];
  const program = await startProcess(t, process.execPath, args, { cwd: root });
  const port = Number((await program.waitForLine(/^listening smtp 127\.0\.0\.1:(\d+)$/, 30_000))[1]);
  const old = await Dialogue.secure(t, port);
  await old.reply();
  assert.equal(await subject(port), 'first.example.net');
  await use('second.example.net');
  await writeFile(config, text('example.edu'));
  process.kill(program.pid, 'SIGHUP');
  await eventually(
    async () => (await subject(port)) === 'second.example.net',
    'the second certificate',
    20_000,
  );
  assert.doesNotMatch(program.stderr(), /need a restart/);
  const young = await Dialogue.secure(t, port);
  await young.reply();
  for (const [client, code] of [
    [old, 550],
    [young, 250],
  ] as const) {
    await client.say('EHLO x');
    await client.say('MAIL FROM:<a@example.org>');
    assert.equal(await client.code('RCPT TO:<user@example.edu>'), code);
  }
  await use('third.example.net');
  await eventually(
    async () => (await subject(port)) === 'third.example.net',
    'the third one, without a reload',
    20_000,
  );
});

test('only addresses, and turning smtp on or off, need a restart', async (t) => {
  const folder = await tempDir(t, 'restart');
  const read = async (smtp: string) => {
    const file = join(folder, 'sekisho.yaml');
    await writeFile(file, `decoys: [{ listen: "127.0.0.1:0", speaks: socks }]\nsmtp: ${smtp}\n`);
    assert.ok((await readFile(file)).length > 0);
    return loadConfig(file);
  };
  const running = await read('{ listen: "127.0.0.1:2525", backend: "127.0.0.1:25", domains: [example.net] }');
  for (const [smtp, names] of [
    [
      '{ listen: "127.0.0.1:2525", backend: "127.0.0.1:26", domains: [example.org], relayFrom: [192.0.2.0/24], limits: { errors: 3 } }',
      [],
    ],
    [
      '{ listen: [{ address: "127.0.0.1:2525", auth: none }], backend: "127.0.0.1:25", domains: [example.net] }',
      [],
    ],
    ['{ listen: "127.0.0.1:2526", backend: "127.0.0.1:25", domains: [example.net] }', ['smtp.listen']],
    ['false', ['smtp']],
  ] as const)
    assert.deepEqual(needsRestart(running, await read(smtp)), names);
});
