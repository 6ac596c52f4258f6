import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { detectProtocol } from '../../src/events/detected-protocol.ts';

suite('the protocol of first bytes, in an event', () => {
  for (const [bytes, protocol] of [
    ['GET / HTTP/1.1\r\n\r\n', 'http/1.1'],
    ['GET /\r\n', 'http/0.9'],
    ['OPTIONS sip:nm SIP/2.0\r\nVia: SIP/2.0/TCP nm\r\n\r\n', 'sip'],
    ['OPTIONS rtsp://192.0.2.1/ RTSP/1.0\r\nCSeq: 1\r\n\r\n', 'rtsp'],
    ['REQMOD icap://192.0.2.1/ ICAP/1.0\r\n\r\n', 'icap'],
    ['telnet mx.example.com 25\r\n', 'telnet proxy'],
    ['mx.example.com:25\r\n', 'telnet proxy'],
    ['USER anonymous\r\n', 'ftp'],
    ['SSH-2.0-Go\r\n', 'ssh'],
    ['\x05\x01\x00', 'socks5'],
    ['EHLO x\r\n', 'smtp'],
    ['MAIL FROM:<a@b>\r\n', 'smtp'],
    ['hello\r\n', null],
  ] as const)
    test(`${JSON.stringify(bytes)} is ${protocol ?? 'unknown'}`, () =>
      assert.equal(detectProtocol(Buffer.from(bytes, 'latin1')).protocol, protocol));
});
