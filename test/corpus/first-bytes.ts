import { head, hex, refused } from './request.ts';
import type { CorpusRow } from './row.ts';

/** A whole ClientHello with server name www.example.net, as `openssl s_client` shapes it. */
const clientHello = (() => {
  const name = Buffer.from('www.example.net').toString('hex');
  const length = (bytes: number): string => bytes.toString(16).padStart(4, '0');
  const size = name.length / 2;
  const sni = `0000 ${length(size + 5)} ${length(size + 3)} 00 ${length(size)} ${name}`.replaceAll(' ', '');
  const versions = '002b0003020304';
  const extensions = sni + versions;
  const hello = `0303${'5a'.repeat(32)}00` + '00021301' + '0100' + length(extensions.length / 2) + extensions;
  const handshake = `0100${length(hello.length / 2)}${hello}`;
  return `160301${length(handshake.length / 2)}${handshake}`;
})();

/** Other protocols, spoken to the port that speaks HTTP. */
export const firstBytes: CorpusRow[] = [
  {
    id: 'socks4-connect-to-mail-port',
    reference: 'SOCKS Protocol Version 4; nmap socks-open-proxy',
    bytes: hex('04 01 0019 c6336419 00'),
    expect: refused('socks4', 'drop', { intent: 'mail-relay', destination: '198.51.100.25:25' }),
  },
  {
    id: 'socks4-connect-with-user',
    reference: 'SOCKS Protocol Version 4',
    bytes: hex('04 01 0050 cb007107') + 'root\x00',
    expect: refused('socks4', 'drop', { intent: 'web', destination: '203.0.113.7:80' }),
  },
  {
    id: 'socks4-bind',
    reference: 'SOCKS Protocol Version 4',
    bytes: hex('04 02 0050 cb007107 00'),
    expect: refused('socks4', 'drop'),
  },
  {
    id: 'socks4a-connect-by-name',
    reference: 'SOCKS 4A',
    bytes: hex('04 01 0050 00000001 00') + 'www.example.com\x00',
    expect: refused('socks4', 'drop', { intent: 'web', destination: 'www.example.com:80' }),
  },
  {
    id: 'socks4-connect-to-loopback',
    reference: 'SOCKS Protocol Version 4; CWE-441',
    bytes: hex('04 01 0016 7f000001 00'),
    expect: refused('socks4', 'drop', { intent: 'loopback', destination: '127.0.0.1:22' }),
  },
  {
    id: 'socks5-greeting',
    reference: 'RFC 1928 section 3',
    bytes: hex('05 01 00'),
    expect: refused('socks5', 'drop'),
  },
  {
    id: 'socks5-greeting-with-password-method',
    reference: 'RFC 1929; curl --socks5',
    bytes: hex('05 02 00 02'),
    expect: refused('socks5', 'drop'),
  },
  {
    id: 'socks5-greeting-of-three-methods',
    reference: 'RFC 1961; curl --socks5 with GSS-API',
    bytes: hex('05 03 00 01 02'),
    expect: refused('socks5', 'drop'),
  },
  {
    id: 'socks5-greeting-and-request-at-once',
    reference: 'RFC 1928 section 4; scanners that do not wait',
    bytes: hex('05 01 00 05 01 00 03 0f') + 'www.example.com' + hex('0050'),
    expect: refused('socks5', 'drop'),
  },
  {
    // 05 00 0b is the version, minor version and packet type of a DCE/RPC bind: not a SOCKS greeting.
    id: 'ms-rpc-bind',
    reference: 'DCE 1.1: Remote Procedure Call, chapter 12; nmap service probes',
    bytes: hex('05 00 0b 03 10 00 00 00 48 00 00 00 01 00 00 00 b8 10 b8 10 00 00 00 00'),
    expect: refused('not-http', 400),
  },
  {
    id: 'tls-client-hello',
    reference: 'RFC 8446 section 4.1.2; crawlers that try https on port 80',
    bytes: hex(clientHello),
    expect: refused('tls-on-plaintext', 400),
  },
  {
    id: 'tls-client-hello-first-record-header',
    reference: 'RFC 8446 section 5.1; nmap SSLSessionReq',
    bytes: hex('16 03 00 00 53 01 00 00 4f 03 00') + '?G\xd7\xf7\xba,\xee\xea\xb2`~\xf3\x00\xfd\x82{',
    expect: refused('tls-on-plaintext', 400),
  },
  {
    id: 'smtp-ehlo',
    reference: 'RFC 5321 section 4.1.1.1',
    bytes: 'EHLO mail.example.org\r\n',
    expect: refused('smtp-on-http', 'drop'),
  },
  {
    id: 'smtp-helo',
    reference: 'RFC 5321 section 4.1.1.1',
    bytes: 'HELO mail.example.org\r\n',
    expect: refused('smtp-on-http', 'drop'),
  },
  {
    id: 'smtp-lower-case-ehlo',
    reference: 'RFC 5321 section 2.4: verbs are not case sensitive',
    bytes: 'ehlo mail.example.org\r\n',
    expect: refused('smtp-on-http', 'drop'),
  },
  {
    id: 'smtp-whole-dialogue-at-once',
    reference: 'RFC 5321 section 4.1; RFC 2920',
    bytes:
      'EHLO mail.example.org\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.com>\r\nDATA\r\nhello\r\n.\r\nQUIT\r\n',
    expect: refused('smtp-on-http', 'drop'),
  },
  {
    id: 'smtp-mail-from-first',
    reference: 'RFC 5321 section 4.1.1.2',
    bytes: 'MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.com>\r\n',
    expect: refused('smtp-on-http', 'drop'),
  },
  {
    id: 'proxy-protocol-v1',
    reference: 'the PROXY protocol, section 2.1',
    bytes: 'PROXY TCP4 192.0.2.1 192.0.2.80 56324 80\r\n' + head('GET / HTTP/1.1', 'Host: www.example.net'),
    expect: refused('proxy-protocol', 'drop'),
  },
  {
    id: 'proxy-protocol-v1-unknown',
    reference: 'the PROXY protocol, section 2.1',
    bytes: 'PROXY UNKNOWN\r\n' + head('GET / HTTP/1.1', 'Host: www.example.net'),
    expect: refused('proxy-protocol', 'drop'),
  },
  {
    id: 'proxy-protocol-v2',
    reference: 'the PROXY protocol, section 2.2',
    bytes:
      hex('0d0a0d0a000d0a515549540a 21 11 000c c0000201 c0000250 dc04 0050') +
      head('GET / HTTP/1.1', 'Host: www.example.net'),
    expect: refused('proxy-protocol', 'drop'),
  },
  {
    id: 'h2-preface',
    reference: 'RFC 9113 section 3.4; curl --http2-prior-knowledge',
    bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + hex('000000 04 00 00000000'),
    expect: refused('h2-preface', 400),
  },
  {
    id: 'h2-preface-with-settings',
    reference: 'RFC 9113 section 6.5; grpc clients',
    bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + hex('000006 04 00 00000000 0003 00000064'),
    expect: refused('h2-preface', 400),
  },
  {
    id: 'ssh-banner',
    reference: 'RFC 4253 section 4.2; scanners',
    bytes: 'SSH-2.0-Go\r\n',
    expect: refused('not-http', 400),
  },
  {
    id: 'remote-desktop-cookie',
    reference: 'MS-RDPBCGR section 2.2.1.1; scanners',
    bytes:
      hex('03 00 00 2a 25 e0 00 00 00 00 00') + 'Cookie: mstshash=test\r\n' + hex('01 00 08 00 03 00 00 00'),
    expect: refused('not-http', 400),
  },
  {
    id: 'redis-ping',
    reference: 'the Redis serialization protocol; scanners',
    bytes: '*1\r\n$4\r\nPING\r\n',
    expect: refused('not-http', 400),
  },
  {
    id: 'mining-pool-subscription',
    reference: 'the Stratum mining protocol; scanners',
    bytes: '{"id": 1, "method": "mining.subscribe", "params": []}\n',
    expect: refused('not-http', 400),
  },
  {
    id: 'weblogic-t3-greeting',
    reference: 'nmap weblogic-t3-info',
    bytes: 't3 12.1.2\nAS:2048\nHL:19\n\n',
    expect: refused('not-http', 400),
  },
];
