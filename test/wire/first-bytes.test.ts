import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { classifyFirstBytes } from '../../src/wire/first-bytes.ts';
import { hex } from '../corpus/request.ts';

const classify = (text: string): string => classifyFirstBytes(Buffer.from(text, 'latin1'));

suite('first bytes', () => {
  for (const [what, text, protocol] of [
    ['a SOCKS4 CONNECT', hex('04 01 00 50 c0 00 02 01 00'), 'socks4'],
    ['a SOCKS4 BIND', hex('04 02 00 50'), 'socks4'],
    ['another first byte 4', hex('04 00 00'), 'unknown'],
    ['a SOCKS5 greeting', hex('05 01 00'), 'socks5'],
    ['a SOCKS5 greeting with user name and password', hex('05 02 00 02'), 'socks5'],
    ['a SOCKS5 greeting with a private method', hex('05 01 80'), 'socks5'],
    ['a cut-off SOCKS5 greeting', hex('05 03'), 'socks5'],
    ['an MS-RPC bind', hex('05 00 0b 03 10 00 00 00'), 'unknown'],
    ['a method that is never offered', hex('05 01 ff'), 'unknown'],
    ['an unassigned method', hex('05 01 50'), 'unknown'],
    ['a lone 5', hex('05'), 'unknown'],
    ['a TLS ClientHello', hex('16 03 01 02 00 01'), 'tls'],
    ['a TLS 1.2 record', hex('16 03 03'), 'tls'],
    ['an SSL 2.0 hello', hex('80 2e 01 03 01'), 'tls'],
    ['another 16', hex('16 00'), 'unknown'],
    ['EHLO', 'EHLO x.example\r\n', 'smtp'],
    ['helo in small letters', 'helo x\r\n', 'smtp'],
    ['MAIL FROM', 'MAIL FROM:<a@b.example>\r\n', 'smtp'],
    ['RCPT TO', 'RCPT TO:<a@b.example>\r\n', 'smtp'],
    ['QUIT', 'QUIT\r\n', 'smtp'],
    ['PROXY version 1', 'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n', 'proxy-v1'],
    ['PROXY version 2', `${hex('0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a')}\x21\x11\x00\x0c`, 'proxy-v2'],
    ['the HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'h2-preface'],
    ['HTTP/0.9', 'GET /\r\n', 'http-0.9'],
    ['HTTP/0.9 with a bare LF', 'GET /x\n', 'http-0.9'],
    ['a request line', 'GET / HTTP/1.1\r\n', 'http-1'],
    ['a request to a mail word', 'HELP / HTTP/1.1\r\n', 'smtp'],
    ['DATABASE is not DATA', 'DATABASE / HTTP/1.1\r\n', 'http-1'],
    ['nothing', '', 'unknown'],
    ['noise', '\0\0\0', 'unknown'],
  ] as const)
    test(`${what}: ${protocol}`, () => assert.equal(classify(text), protocol));

  test('any bytes are classified', () => {
    const protocols = new Set(
      'socks4 socks5 tls smtp proxy-v1 proxy-v2 h2-preface http-0.9 http-1 unknown'.split(' '),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => protocols.has(classifyFirstBytes(bytes))),
      { numRuns: 3000 },
    );
  });

  test('bytes after the first 512 are not examined', () => {
    assert.equal(classify(`GET /${'a'.repeat(500)}\r\n`), 'http-0.9');
    assert.equal(classify(`GET /${'a'.repeat(600)}\r\n`), 'http-1');
  });

  test('a view into a larger buffer is read from its own start', () => {
    assert.equal(classifyFirstBytes(Buffer.from('xxGET /\r\n').subarray(2)), 'http-0.9');
  });
});
