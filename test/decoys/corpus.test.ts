/** The whole probe corpus at every decoy, with and without tarpit: nothing is dialled, looked up or granted. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { corpus } from '../corpus/corpus.ts';
import { asBytes, recipients } from '../smtp/recipients.ts';
import { watchDials } from '../support/no-dial.ts';
import { exchange } from '../support/raw-client.ts';
import { startDecoy } from './support.ts';

/**
 * Replies that grant something, in every protocol: HTTP, SOCKS5 after its greeting, SOCKS4, RFC 1929, a TURN success; in SMTP an accepted
 * recipient, a sign-in, the 354 for a message.
 */
const granted =
  /^HTTP\/\d\.\d [123]|^(?:\x05[\0\x02])?\x05\0[\0-\x03]|^\0\x5a|^\x05\x02\x01\0|^\x01[\0-\x0f]..!\x12\xa4B|^(?:235|354|25\d 2\.1\.5)/m;
/** Only the mail decoy sends a greeting. */
const greets = /^[23]\d\d[ -]/m;

const socksProbes = [
  '\x04\x01\x00\x19\xc0\x00\x02\x01\x00',
  '\x04\x02\x00\x19\xc0\x00\x02\x01user\x00',
  '\x04\x01\x00\x50\x00\x00\x00\x01\x00www.example.com\x00',
  ...['\x01', '\x02', '\x03'].map(
    (command) => `\x05\x01\x00\x05${command}\x00\x03\x0fwww.example.com\x00\x50`,
  ),
  '\x05\x01\x02\x01\x04user\x06secret\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x50',
  '\x05\x01\x00\x05\x01\x00\x04\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x50',
];

for (const speaks of ['http-proxy', 'socks', 'smtp', 'tls', 'turn'] as const)
  for (const tarpit of [null, { connections: 10_000, time: 2500 }])
    test(`the corpus at a decoy that speaks ${speaks}${tarpit === null ? '' : ', in its tarpit'}`, async (t) => {
      const watch = watchDials(t);
      const { port, decoy, events } = await startDecoy(t, speaks, {
        tarpit,
        skin: 'squid',
        realm: 'proxy',
        messageTime: 300,
        connections: 10_000,
      });
      watch.allow(`127.0.0.1:${port}`);
      const mails = recipients.map(
        ([path]) =>
          `EHLO www.example.com\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:${asBytes(path)}\r\nDATA\r\n`,
      );
      const probes = [...corpus.map(({ bytes }) => bytes), ...socksProbes, ...mails];
      const replies = await Promise.all(probes.map((probe) => exchange(port, probe, { timeout: 15_000 })));
      for (const [index, { text, ended }] of replies.entries()) {
        assert.notEqual(ended, 'timeout', probes[index]!);
        assert.doesNotMatch(text, granted, probes[index]!);
        if (speaks !== 'smtp') assert.doesNotMatch(text, greets, probes[index]!);
      }
      assert.ok(replies.filter(({ text }) => text !== '').length > probes.length / 2);
      assert.ok(events.length >= (speaks === 'smtp' ? mails.length : corpus.length / 2));
      if (tarpit === null) assert.equal(decoy.held, 0);
      assert.deepEqual(watch.others(), []);
      assert.ok(watch.dials.length >= probes.length, 'the dial watch has seen the probes themselves');
    });
