import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { judgeRecipient, judgeSender, type MailPolicy, refusal } from '../../src/rules/smtp.ts';
import { parsePath, writeMailbox } from '../../src/wire/smtp-path.ts';
import { asBytes, ownDomains, recipients } from '../smtp/recipients.ts';

const own = new Set(ownDomains);
const policy: MailPolicy = { owns: (domain) => own.has(domain) };

test('the table has at least 80 spellings, each once', () => {
  assert.ok(recipients.length >= 80);
  assert.equal(new Set(recipients.map(([text]) => text)).size, recipients.length);
});

for (const [text, rule, effective] of recipients) {
  test(`RCPT TO:${JSON.stringify(text)} → ${rule ?? 'taken'}, ${effective || 'nowhere'}`, () => {
    const verdict = judgeRecipient(asBytes(text), policy, 'outside');
    assert.equal(verdict.rule, rule, verdict.why);
    assert.equal(verdict.action, rule === null ? 'allow' : 'block');
    assert.equal(writeMailbox(verdict.effective), asBytes(effective));
    assert.equal(verdict.why === '', rule === null);
    assert.equal(verdict.evidence === null, rule === null);
  });
}

test('a client that may relay reaches any domain, but not by a route', () => {
  const rule = (text: string) => judgeRecipient(text, policy, 'relaying').rule;
  for (const text of [
    '<user@example.com>',
    ' user@example.com',
    '<50%off@example.net>',
    '<a!b@example.com>',
    '<u%x@example.com>',
    '<root>',
    '<"a b"@example.com>',
    '<user@[192.0.2.1]>',
  ])
    assert.equal(rule(text), null, text);
  assert.equal(rule('<@example.net:user@example.com>'), 'smtp-source-route');
  assert.equal(rule('<@example.net:user@localhost>'), 'smtp-source-route');
  assert.equal(rule('<user%example.com@example.net>'), 'smtp-percent-hack');
  assert.equal(rule('<example.com!user@example.net>'), 'smtp-bang-path');
  assert.equal(rule('<"user@example.com"@example.net>'), 'smtp-quoted-route');
  assert.equal(rule('<user@example.com> <user@example.net>'), 'smtp-malformed-path');
});

test('senders: addresses that relay testers use are accepted, routes for a bounce are not', () => {
  const rule = (text: string) => judgeSender(asBytes(text), policy, 'outside').rule;
  for (const text of [
    '<>',
    '<a@example.com>',
    '<a@example.net>',
    '<a@[127.0.0.1]>',
    '<a@localhost>',
    '<bounce-user=example.org@list.example.com>',
    '<owner%x@example.com>',
    '<a..b.@example.com>',
    '<a@example.com> SIZE=100 BODY=8BITMIME',
  ])
    assert.equal(rule(text), null, text);
  assert.equal(rule('<user%example.com@example.net>'), 'smtp-percent-hack');
  assert.equal(rule('<@example.net:user@example.com>'), 'smtp-source-route');
  assert.equal(rule('<"user@example.com"@example.net>'), 'smtp-quoted-route');
  assert.equal(rule('<a>'), 'smtp-malformed-path');
  assert.equal(rule('<a@b@c>'), 'smtp-malformed-path');
});

/** Texts made of routing characters, so that most are near misses. */
const routeText = fc
  .array(
    fc.constantFrom(
      ...[
        '<',
        '>',
        '@',
        ':',
        ',',
        '%',
        '!',
        '"',
        '\\',
        '(',
        ')',
        '[',
        ']',
        ' ',
        '\t',
        '.',
        ';',
        '\x00',
        '\xff',
      ],
      ...['user', 'a', 'example.net', 'example.com', '127.0.0.1', 'IPv6:::1', 'postmaster', 'SIZE=1'],
    ),
    { maxLength: 24 },
  )
  .map((parts) => parts.join(''));
const anyText = fc.oneof(
  routeText,
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
);

test('a command line full of routes is judged in under 10 ms, however they are nested', () => {
  const signs = [
    '@',
    '@a,',
    '@a:',
    '@[a]:',
    '"',
    '\\',
    '(',
    '()',
    'a!',
    '%a',
    '<',
    'a@',
    '::',
    'a;b@',
    '"@a"',
    '(a)',
    '\xef\xbc\xa0',
  ];
  const rows = signs.flatMap((sign) =>
    ['<#@example.net>', '<#>', '#', '<"#"@example.net>', '<@#example.net>'].map((around) =>
      around.replace('#', () => sign.repeat(4000 / sign.length)),
    ),
  );
  for (const text of rows) {
    // CPU time of this thread, since other processes may run; the least of five, since the JIT compiler runs too.
    const times = Array.from({ length: 5 }, () => {
      const before = process.threadCpuUsage();
      judgeRecipient(text, policy, 'outside');
      const { user, system } = process.threadCpuUsage(before);
      return (user + system) / 1000;
    });
    assert.ok(Math.min(...times) < 10, `${Math.min(...times)} ms: ${text.slice(0, 20)}`);
  }
});

test('a route in quotes is a route and a quoted one', () => {
  const { rules } = judgeRecipient('<"user%example.com"@example.net>', policy, 'outside');
  assert.deepEqual(rules, ['smtp-percent-hack', 'smtp-quoted-route']);
});

test('the place of a fault after the address is that of the fault', () => {
  const { evidence } = judgeRecipient('<user@example.net> <user@example.com>', policy, 'outside');
  assert.deepEqual(evidence, { start: 19, end: 19 });
});

test('any text gets a verdict, and the same one each time', () => {
  fc.assert(
    fc.property(anyText, fc.constantFrom('outside' as const, 'relaying' as const), (text, standing) => {
      const verdict = judgeRecipient(text, policy, standing);
      assert.deepEqual(judgeRecipient(text, policy, standing), verdict);
      assert.ok(verdict.effective.steps.length <= text.length);
      const { start, end } = verdict.evidence ?? { start: 0, end: 0 };
      assert.ok(0 <= start && start <= end && end <= text.length, `${start} to ${end}`);
      judgeSender(text, policy, standing);
    }),
    { numRuns: 20_000 },
  );
});

test('every recipient accepted from outside is ours, is no route and reads back the same when sent on', () => {
  let taken = 0;
  fc.assert(
    fc.property(routeText, (text) => {
      const verdict = judgeRecipient(`<${text}@example.net>`, policy, 'outside');
      if (verdict.action === 'block') return;
      taken++;
      const sent = parsePath(`<${verdict.canonical}>`);
      assert.deepEqual(sent.faults, []);
      assert.equal(sent.local, verdict.effective.local);
      assert.equal(sent.domain, verdict.effective.domain);
      // `<postmaster> SIZE=1@example.net>` is <postmaster> with a parameter, which RCPT does not allow.
      assert.ok(sent.domain === null ? sent.local === 'postmaster' : own.has(sent.domain));
      assert.doesNotMatch(sent.local, /[@%!]|::|^[/|:-]/);
      assert.deepEqual(verdict.effective.steps, []);
    }),
    { numRuns: 20_000 },
  );
  assert.ok(taken > 0);
});

test('every mailbox reads back unchanged when it is written', () => {
  const printable = fc.string({
    unit: fc.integer({ min: 0x20, max: 0x7e }).map((c) => String.fromCharCode(c)),
    minLength: 1,
    maxLength: 64,
  });
  fc.assert(
    fc.property(printable, (local) => {
      const path = parsePath(`<${writeMailbox({ local, domain: 'example.com' })}>`);
      assert.deepEqual(path.faults, []);
      assert.equal(path.local, local);
      assert.equal(path.domain, 'example.com');
    }),
  );
});

test('a refusal names the side at fault, and malformed syntax by its own codes', () => {
  for (const [text, recipient, sender] of [
    [
      '<user%example.com@example.net>',
      '550 5.7.1 Relaying refused',
      '550 5.7.1 Sender refused: source routes are not followed',
    ],
    ['<a b>', '553 5.1.3 Bad recipient address syntax', '553 5.1.7 Bad sender address syntax'],
  ] as const) {
    assert.equal(refusal(judgeRecipient(text, policy, 'outside'), 'recipient'), recipient);
    assert.equal(refusal(judgeSender(text, policy, 'outside'), 'sender'), sender);
  }
});

test('the null path is an empty sender and no recipient; a sender from outside has a domain', () => {
  const { action, canonical, written } = judgeSender('<>', policy, 'outside');
  assert.deepEqual([action, canonical, written], ['allow', '', '']);
  assert.equal(judgeRecipient('<>', policy, 'outside').rule, 'smtp-malformed-path');
  const { rule, why } = judgeSender('<root>', policy, 'outside');
  assert.deepEqual([rule, why], ['smtp-malformed-path', 'no domain']);
  assert.equal(judgeSender('<root>', policy, 'relaying').rule, null);
});
