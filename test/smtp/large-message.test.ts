/** A message larger than memory passes through the program in constant memory. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { countingSink } from './counting-sink.ts';
import { Dialogue } from './dialogue.ts';

const mib = 1024 ** 2;
/** More than fits in 32 bits. */
const pieces = 4096;
/** Lines as in an attachment; the last one fills the MiB. */
const piece = Buffer.from(`${`${'QUJD'.repeat(19)}\r\n`.repeat(13_443)}${'x'.repeat(20)}\r\n`);

const skip = process.platform === 'linux' ? false : 'reads /proc';

test('a message of 4 GiB arrives byte for byte, and memory does not grow with it', { skip }, async (t) => {
  assert.equal(piece.length, mib);
  const sink = await countingSink(t, piece);
  const { process: guard } = await startGatewayProcess(
    t,
    `sites: [{ hosts: [www.example.net], backend: "http://127.0.0.1:1" }]
smtp: { listen: "127.0.0.1:0", backend: "127.0.0.1:${sink.port}", domains: [example.net] }
log: { level: error }`,
  );
  const [, port] = await guard.waitForLine(/^listening smtp 127\.0\.0\.1:(\d+)$/);
  /** Peak so far, in bytes. */
  const peak = (): number =>
    Number(/VmHWM:\s*(\d+) kB/.exec(readFileSync(`/proc/${guard.pid}/status`, 'utf8'))![1]) * 1024;
  const client = await Dialogue.greeted(t, Number(port));
  assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
  assert.equal(await client.code('RCPT TO:<user@example.net>'), 250);
  assert.equal(await client.code('DATA'), 354);
  const before = peak();
  let go = (): void => {};
  client.socket.on('drain', () => go()).once('close', () => go());
  for (let i = 0; i < pieces && !client.socket.destroyed; i++) {
    if (client.socket.write(piece)) continue;
    await new Promise<void>((done) => {
      go = done;
    });
  }
  assert.equal(await client.code('.'), 250);
  assert.equal(await sink.taken, pieces * mib + 3);
  const grown = (peak() - before) / mib;
  assert.ok(grown < 128, `${grown} MiB more`);
  t.diagnostic(`${grown.toFixed(0)} MiB more`);
});
