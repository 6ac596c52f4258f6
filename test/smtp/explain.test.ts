import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mailPolicy } from '../../src/smtp/domains.ts';
import { explainSmtp, explainSmtpAnywhere, isSmtpLine } from '../../src/smtp/explain.ts';
import { root } from '../support/gateway-process.ts';
import { runProcess } from '../support/process.ts';

const policy = mailPolicy(['example.net']);

test('a route is explained step by step', () => {
  const line = 'RCPT TO:<@example.net:user%example.com@example.net>';
  const found = explainSmtp(line, policy);
  assert.equal(found.verdict, 'block');
  assert.equal(found.rule, 'smtp-source-route');
  assert.deepEqual(found.signals, ['smtp-source-route', 'smtp-percent-hack']);
  assert.equal(found.answer, '550 5.7.1 Relaying refused');
  assert.equal(found.destination, 'user@example.com');
  assert.equal(found.steps.length, 2);
  assert.match(
    found.steps[0]!,
    /^@example\.net:user%example\.com@example\.net: the first host .*; user%example\.com@example\.net remains$/,
  );
  assert.match(found.steps[1]!, /the last % becomes an @, for example\.com; user@example\.com remains$/);
  assert.equal(
    line.slice(found.evidence!.start, found.evidence!.end),
    '<@example.net:user%example.com@example.net>',
  );
  assert.match(found.why, /The sender wanted .*: user@example\.com\.$/);
});

/** The seeds, verbatim and with brackets: the deciding rule, and the address after each step. */
const seeds = [
  ['user@example.com', 'smtp-foreign-recipient', []],
  ['@example.net:user@example.com', 'smtp-source-route', ['user@example.com']],
  ['example.com!user', 'smtp-bang-path', ['user@example.com']],
  ['user%example.com@example.net', 'smtp-percent-hack', ['user@example.com']],
  [
    '@example.net:user%example.com@example.net',
    'smtp-source-route',
    ['user%example.com@example.net', 'user@example.com'],
  ],
  [
    'a!b!example.com!user@example.net',
    'smtp-bang-path',
    ['b!example.com!user@a', 'example.com!user@b', 'user@example.com'],
  ],
] as const;

for (const [path, rule, left] of seeds)
  test(`${path}: the destination, step by step, with and without a config`, () => {
    for (const line of [`RCPT TO: ${path}`, `RCPT TO:<${path}>`])
      for (const found of [explainSmtp(line, policy), explainSmtpAnywhere(line, mailPolicy(['localhost']))]) {
        assert.equal(found.verdict, 'block');
        assert.equal(found.rule, rule, line);
        assert.equal(found.intent, 'mail-relay');
        assert.equal(found.answer, '550 5.7.1 Relaying refused');
        assert.equal(found.destination, 'user@example.com');
        assert.deepEqual(
          found.steps.map((step) => /; (.*) remains$/.exec(step)?.[1]),
          left,
        );
      }
  });

test('the command explains each line of an SMTP dialogue', async () => {
  const input =
    'MAIL FROM:<a@example.org>\r\nRCPT TO: user%example.com@example.net\r\nDATA\r\nRCPT TO: user@example.com\r\n';
  const run = (...args: string[]) =>
    runProcess(process.execPath, ['src/cli.ts', 'explain', ...args], {
      cwd: root,
      input,
      env: { NO_COLOR: '1' },
    });
  const { stdout } = await run('--json');
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { verdict: string; rule: string | null; destination: string });
  assert.deepEqual(
    lines.map(({ verdict, rule, destination }) => [verdict, rule, destination]),
    [
      ['allow', null, 'a@example.org'],
      ['block', 'smtp-percent-hack', 'user@example.com'],
      ['block', 'smtp-foreign-recipient', 'user@example.com'],
    ],
  );
  const text = (await run()).stdout;
  assert.match(text, /^BLOCK {2}smtp-percent-hack → 550 5\.7\.1 Relaying refused$/m);
  assert.match(
    text,
    /^ {2}1\. user%example\.com@example\.net: the last % becomes an @, for example\.com; user@example\.com remains$/m,
  );
  assert.match(text, /^example\.com is not one of our domains\. /m);
});

test('accepted lines, and who may send them', () => {
  assert.equal(explainSmtp('rcpt to:<user@EXAMPLE.net.>', policy).sentOn, '<user@example.net>');
  assert.equal(explainSmtp('RCPT TO:<user@example.com>', policy, 'relaying').verdict, 'allow');
  assert.equal(explainSmtp('MAIL FROM:<>', policy).sentOn, '<>');
  assert.equal(explainSmtp('RCPT TO :<user@example.net>', policy).verdict, 'block');
  assert.equal(explainSmtp('RCPT', policy).verdict, 'block');
  assert.ok(isSmtpLine('RCPT TO: user@example.com'));
  assert.ok(!isSmtpLine('GET / HTTP/1.1'));
});

test('own domains: wildcards, U-labels and literals; an invalid one is named', () => {
  const { owns } = mailPolicy(['*.example.net', 'm\u00fcnchen.example', '[IPv6:2001:db8:0::1]']);
  assert.equal(owns('a.b.example.net'), true);
  assert.equal(owns('example.net'), false);
  assert.equal(owns('badexample.net'), false);
  assert.equal(owns('xn--mnchen-3ya.example'), true);
  assert.equal(owns('[ipv6:2001:db8::1]'), true);
  assert.throws(() => mailPolicy(['exa mple.net']), /exa mple\.net is no domain; write a name/);
});
