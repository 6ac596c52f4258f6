/** The files of config/examples for mail and decoys, with real mail servers; only ports, certificates and where mail goes are changed. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import Value from 'typebox/value';
import { parse } from 'yaml';
import { parseDuration, parseSize } from '../../src/config/quantity.ts';
import { decoyOptions } from '../../src/decoys/options.ts';
import { decoysSchema } from '../../src/decoys/schema.ts';
import { smtpFaults, smtpWarnings } from '../../src/smtp/faults.ts';
import { createSmtpGuard } from '../../src/smtp/guard.ts';
import { type ListenerOptions, type SmtpOptions, smtpOptions } from '../../src/smtp/options.ts';
import { smtpSchema } from '../../src/smtp/schema.ts';
import { certificate } from '../smtp/certificate.ts';
import { Dialogue } from '../smtp/dialogue.ts';
import { startExim } from '../smtp/exim.ts';
import { startPostfix } from '../smtp/postfix.ts';
import { mailSink } from '../smtp/support.ts';
import { root } from '../support/gateway-process.ts';
import { without } from '../support/peers.ts';
import { runProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';
import { examples } from './example.ts';

const file = (name: string): string => readFileSync(join(examples, name), 'utf8');

function smtpSection(name: string) {
  const section = Value.Default(smtpSchema, parse(file(name)).smtp);
  assert.ok(Value.Check(smtpSchema, section), JSON.stringify([...Value.Errors(smtpSchema, section)]));
  assert.deepEqual(smtpFaults(section), []);
  return section;
}

const at = ({ listen }: SmtpOptions, port: number): ListenerOptions[] =>
  listen.map((listener) => ({ ...listener, address: '127.0.0.1:0', backends: [`127.0.0.1:${port}`] }));

test('the Postfix example: mail for our domain passes, foreign mail only from our own network', {
  skip: without('postfix', 'openssl'),
}, async (t) => {
  const [files] = await certificate(t);
  const sink = await mailSink(t);
  const postfix = await startPostfix(t, {
    deliverTo: sink.port,
    main: `${file('smtp-postfix/main.cf').replace('192.0.2.0/24', '127.0.0.2')}\nmynetworks = 127.0.0.2`,
    service: file('smtp-postfix/master.cf'),
  });
  const options = smtpOptions(smtpSection('smtp-postfix/sekisho.yaml'), {
    duration: (text) => parseDuration(text)!,
    size: (text) => parseSize(text)!,
    path: (name) => (name.endsWith('.key') ? files!.key : files!.cert),
    file,
    certificates: (tls) => (tls === undefined ? null : [files!]),
    trustedProxies: [],
  });
  assert.deepEqual(smtpWarnings(options), []);
  const guard = createSmtpGuard(
    {
      ...options,
      listen: at(options, postfix.port),
      relayFrom: ['127.0.0.2'],
    },
    { onEvent: () => {}, log: console },
  );
  const [address] = await guard.listen();
  t.after(() => guard.close(0));
  const outside = await Dialogue.greeted(t, address!.port, '127.0.0.7');
  await outside.say('MAIL FROM:<a@example.org>');
  assert.equal(await outside.code('RCPT TO:<user@example.com>'), 550);
  assert.equal(await outside.code('RCPT TO:<user@example.net>'), 250);
  await outside.say('DATA');
  assert.equal(await outside.code('Subject: x\r\n\r\ntext\r\n.'), 250);
  const inside = await Dialogue.greeted(t, address!.port, '127.0.0.2');
  await inside.say('MAIL FROM:<a@example.net>');
  assert.equal(await inside.code('RCPT TO:<user@example.com>'), 250);
  await sink.waitFor(1);
  assert.deepEqual(sink.mails[0]!.to, ['user@example.net']);
  await postfix.waitForLog(/client=\S*\[127\.0\.0\.7\]/);
});

test('the Exim example: mail for our domain passes with the client address, foreign mail only after a sign-in on 587 or 465', {
  skip: without('exim4', 'openssl'),
}, async (t) => {
  const [files] = await certificate(t);
  const sink = await mailSink(t);
  const exim = await startExim(t, { deliverTo: sink.port, main: file('smtp-exim/exim.conf') });
  const options = smtpOptions(smtpSection('smtp-exim/sekisho.yaml'), {
    duration: (text) => parseDuration(text)!,
    size: (text) => parseSize(text)!,
    path: (name) => (name.endsWith('.key') ? files!.key : files!.cert),
    file,
    certificates: (tls) => (tls === undefined ? null : [files!]),
    trustedProxies: [],
  });
  assert.deepEqual(smtpWarnings(options), []);
  const guard = createSmtpGuard(
    { ...options, listen: at(options, exim.port) },
    { onEvent: () => {}, log: console },
  );
  const [address, submission, smtps] = await guard.listen();
  t.after(() => guard.close(0));
  const client = await Dialogue.open(t, address!.port, '127.0.0.7');
  await client.reply();
  const { lines } = await client.say('EHLO client.example.org');
  for (const keyword of ['DSN', 'STARTTLS']) assert.ok(lines.includes(keyword), keyword);
  await client.say('MAIL FROM:<a@example.org>');
  assert.equal(await client.code('RCPT TO:<user@example.com>'), 550);
  assert.equal(await client.code('RCPT TO:<user@example.net>'), 250);
  await client.say('DATA');
  assert.equal(await client.code('Subject: x\r\n\r\ntext\r\n.'), 250);
  await sink.waitFor(1);
  assert.deepEqual(sink.mails[0]!.to, ['user@example.net']);
  assert.match(await exim.log(), / <= a@example\.org H=\(client\.example\.org\) \[127\.0\.0\.7\]:\d+ /);
  for (const [port, implicit] of [
    [submission!.port, false],
    [smtps!.port, true],
  ] as const) {
    const user = implicit
      ? await Dialogue.secure(t, port, '127.0.0.7')
      : await Dialogue.open(t, port, '127.0.0.7');
    await user.reply();
    await user.say('EHLO client.example.org');
    if (!implicit) {
      await user.say('STARTTLS');
      await user.startTls();
      await user.say('EHLO client.example.org');
    }
    assert.equal(await user.code(`AUTH PLAIN ${Buffer.from('\0user\0secret').toString('base64')}`), 235);
    assert.equal(await user.code('MAIL FROM:<user@example.net>'), 250);
    assert.equal(await user.code('RCPT TO:<user@example.com>'), 250);
  }
});

test('check warns if the mail server does not learn the client address, or TLS is off', async (t) => {
  const path = join(await tempDir(t, 'check'), 'sekisho.yaml');
  await writeFile(
    path,
    'smtp: { listen: "127.0.0.1:2525", backend: "127.0.0.1:10025", domains: [example.net] }\n',
  );
  const { code, stderr } = await runProcess(process.execPath, ['src/cli.ts', 'check', '--config', path], {
    cwd: root,
  });
  assert.equal(code, 0);
  assert.match(
    stderr,
    /warning: smtp: without xclient or proxyProtocol the mail server takes every client for this machine/,
  );
  assert.match(stderr, /warning: smtp: without tls neither STARTTLS nor AUTH is offered/);
});

test('the decoy example is valid', () => {
  const decoys = Value.Default(decoysSchema, parse(file('decoys/sekisho.yaml')).decoys);
  assert.ok(Value.Check(decoysSchema, decoys));
  const options = decoys.map((decoy) => decoyOptions(decoy, (text) => parseDuration(text)!));
  assert.deepEqual(
    options.map(({ listen, speaks, skin, realm, tarpit }) => [
      ...[listen, speaks, skin, realm, tarpit?.connections ?? null],
    ]),
    [
      ['0.0.0.0:3128', 'http-proxy', 'squid', null, null],
      ['0.0.0.0:8080', 'http-proxy', 'plain', null, null],
      ['0.0.0.0:8090', 'http-proxy', 'ccproxy', 'CCProxy Authorization', null],
      ['0.0.0.0:1080', 'socks', 'plain', null, 10_000],
      ['0.0.0.0:8443', 'tls', 'plain', null, null],
      ['0.0.0.0:3478', 'turn', 'plain', null, null],
      ['0.0.0.0:25', 'smtp', 'plain', null, null],
    ],
  );
});

test('the how-to pages say what the files say', () => {
  const page = readFileSync(join(examples, '../../docs/how-to/smtp-postfix-exim.md'), 'utf8');
  const lines = (name: string): string[] =>
    file(name)
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
  for (const name of ['smtp-postfix/main.cf', 'smtp-postfix/master.cf', 'smtp-exim/exim.conf'])
    for (const line of lines(name)) assert.ok(page.includes(line), `${name}: ${line}`);
});
