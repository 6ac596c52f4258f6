import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { exchange } from '../support/raw-client.ts';
import { mailSink, startGuard } from './support.ts';

const words = [
  'EHLO x\r\n',
  'HELO y\r\n',
  'MAIL FROM:<a@example.org>\r\n',
  'MAIL FROM:<>\r\n',
  'RCPT TO:<user@example.net>\r\n',
  'RCPT TO:<user@example.com>\r\n',
  'RCPT TO: example.com!user\r\n',
  'RCPT TO:<@example.net:u@example.com>\r\n',
  'DATA\r\n',
  'text\r\n',
  '.\r\n',
  '\n.\n',
  '\r\n.\r\r\n',
  'RSET\r\n',
  'QUIT\r\n',
  'BDAT 5\r\n',
  'STARTTLS\r\n',
  'AUTH PLAIN AA==\r\n',
  'XCLIENT ADDR=1.2.3.4\r\n',
  '\0',
  '\r',
  '\n',
  '\xff',
  'RCPT TO:<"a\r\nRCPT TO:<user@example.com>"@example.net>\r\n',
];
const sentOn =
  /^(?:EHLO [xy]|HELO [xy]|MAIL FROM:<(?:a@example\.org)?>|RCPT TO:<user@example\.net>|DATA|RSET|QUIT|)$/;

test('random client bytes: the mail server gets only whole commands written by the guard, and nobody else is dialled', async (t) => {
  const sink = await mailSink(t);
  const { port, guard, logged } = await startGuard(t, sink.port);
  const piece = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...words) },
    {
      weight: 1,
      arbitrary: fc.uint8Array({ maxLength: 20 }).map((raw) => Buffer.from(raw).toString('latin1')),
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 12 }), async (pieces) => {
      // In order, each after the reply to the one before, so the session gets as far as it can.
      await exchange(port, pieces, { halfClose: true, timeout: 5000, gap: 1 });
    }),
    { numRuns: 150 },
  );
  for (const text of sink.received) {
    const commands = text
      .replace(/^(DATA\r\n)[\s\S]*?^\.\r\n/gm, '$1')
      .replace(/^DATA\r\n(?:[\s\S]*)$/m, 'DATA\r\n');
    for (const line of commands.split('\r\n')) assert.match(line, sentOn, JSON.stringify(text));
  }
  for (const mail of sink.mails) assert.deepEqual([...new Set(mail.to)], ['user@example.net']);
  assert.deepEqual(logged, []);
  assert.ok(guard.sessions < 10);
});
