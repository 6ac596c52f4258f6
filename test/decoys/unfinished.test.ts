/** Connections that end before they have said what they want: any byte is recorded, at every decoy. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { exchange } from '../support/raw-client.ts';
import { startDecoy } from './support.ts';

/** Each protocol, cut before its decisive step. */
const unfinished = [
  ...['G', 'GET', 'GET /', 'GET / HTTP/1.0\r\n', 'GET / HTTP/1.0\r\n\r\n', 'OPTIONS * HTTP/1.0\r\n\r\n'],
  ...['GET / HTTP/1.1\r\nHost: www.example.com\r\n', 'GET http://www.example.com/ HTTP/1.1\r\n', 'CONNECT'],
  ...['\x04', '\x04\x01', '\x04\x01\x00\x19', '\x05', '\x05\x01', '\x05\x01\x00', '\x05\x01\x02\x01'],
  ...['\x16', '\x16\x03\x01', '\x16\x03\x01\x02\x00\x01', '\x80'],
  ...[
    '\x00',
    '\x00\x03\x00\x08',
    '\x00\x03\x00\x08\x21\x12\xa4\x42',
    '\x00\x03\x00\x08\x21\x12\xa4\x42transaction1',
  ],
  ...['E', 'EHLO', 'EHLO x\r\n', 'MAIL FROM:<>\r\n', 'QUIT\r\n', 'AUTH LOGIN\r\n'],
  ...['PRI * HTTP/2.0\r\n', 'PROXY TCP4', '\r\n', '\n', 'hello', '\xff\xfb', 'SSH-2.0-x\r\n'],
];

/** Each from its own address, so that they can come together. */
const addressOf = (index: number): string => `127.9.3.${index + 1}`;

/** Longer than a busy machine takes to deliver the bytes. */
const messageTime = 5000;

suite('a connection that ends early', { concurrency: true }, () => {
  for (const speaks of ['http-proxy', 'socks', 'smtp', 'tls', 'turn'] as const)
    for (const halfClose of [true, false])
      test(`is one event of a decoy that speaks ${speaks}, ${halfClose ? 'if its client closes' : 'if nothing more comes'}`, async (t) => {
        const { port, events } = await startDecoy(t, speaks, { messageTime });
        const replies = await Promise.all(
          unfinished.map((bytes, index) =>
            exchange(port, Buffer.from(bytes, 'latin1'), {
              from: addressOf(index),
              halfClose,
              timeout: 60_000,
            }),
          ),
        );
        for (const [index, bytes] of unfinished.entries()) {
          assert.notEqual(replies[index]!.ended, 'timeout', JSON.stringify(bytes));
          const own = events.filter(({ client }) => client === addressOf(index));
          assert.equal(own.length, 1, `${JSON.stringify(bytes)}: ${own.map(({ rule }) => rule)}`);
          assert.equal(own[0]!.action, 'block');
        }
        await exchange(port, '', { halfClose, timeout: 60_000 });
        assert.equal(events.length, unfinished.length, 'a client that sends nothing is not recorded');
      });

  test('a request without a Host is recorded, and does not count', async (t) => {
    const { port, events } = await startDecoy(t, 'http-proxy');
    const { responses } = await exchange(port, 'GET /status HTTP/1.0\r\nUser-Agent: x\r\n\r\n');
    assert.equal(responses[0]?.status, 403);
    assert.deepEqual(
      events.map(({ rule, answer, counts, site, destination, request }) => [
        ...[rule, answer, counts, site, destination, request],
      ]),
      [['host-missing', 403, false, null, null, 'GET /status HTTP/1.0']],
    );
  });
});
