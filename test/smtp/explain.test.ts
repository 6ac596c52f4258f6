import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mailPolicy } from '../../src/smtp/domains.ts';
import { explainSmtp, isSmtpLine } from '../../src/smtp/explain.ts';

const policy = mailPolicy(['example.net']);

test('a route is told step by step', () => {
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
    /^@example\.net:user%example\.com@example\.net: the first host .* left is user%example\.com@example\.net$/,
  );
  assert.match(
    found.steps[1]!,
    /the last % becomes an @, for example\.com; what is left is user@example\.com$/,
  );
  assert.equal(
    line.slice(found.evidence!.start, found.evidence!.end),
    '<@example.net:user%example.com@example.net>',
  );
  assert.match(found.why, /The sender wanted .*: user@example\.com\.$/);
});

test('what is taken, and for whom', () => {
  assert.equal(explainSmtp('rcpt to:<user@EXAMPLE.net.>', policy).sentOn, '<user@example.net>');
  assert.equal(explainSmtp('RCPT TO:<user@example.com>', policy, 'relaying').verdict, 'allow');
  assert.equal(explainSmtp('MAIL FROM:<>', policy).sentOn, '<>');
  assert.equal(explainSmtp('RCPT TO :<user@example.net>', policy).verdict, 'block');
  assert.equal(explainSmtp('RCPT', policy).verdict, 'block');
  assert.ok(isSmtpLine('RCPT TO: user@example.com'));
  assert.ok(!isSmtpLine('GET / HTTP/1.1'));
});

test('own domains: wildcards, U-labels and literals; a wrong one is named', () => {
  const { owns } = mailPolicy(['*.example.net', 'm\u00fcnchen.example', '[IPv6:2001:db8:0::1]']);
  assert.equal(owns('a.b.example.net'), true);
  assert.equal(owns('example.net'), false);
  assert.equal(owns('badexample.net'), false);
  assert.equal(owns('xn--mnchen-3ya.example'), true);
  assert.equal(owns('[ipv6:2001:db8::1]'), true);
  assert.throws(() => mailPolicy(['exa mple.net']), /exa mple\.net is no domain; write a name/);
});
