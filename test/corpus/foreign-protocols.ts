import type { Intent } from '../../src/rules/intent.ts';
import { head, hex, refused } from './request.ts';
import type { CorpusRow } from './row.ts';

const spoken = (
  id: string,
  reference: string,
  bytes: string,
  more: { intent?: Intent; destination?: string } = {},
): CorpusRow => ({
  id: `not-http-${id}`,
  reference,
  bytes,
  expect: refused('not-http', 400, more),
});

const binary = (id: string, reference: string, bytes: string, more?: { intent: Intent }): CorpusRow =>
  spoken(id, reference, hex(bytes), more);

/** Protocols that have nothing to do with HTTP, sent to its port. Made from their specifications. */
export const foreignProtocols: CorpusRow[] = [
  binary(
    'turn-allocate',
    'RFC 8656 section 7.1',
    '0003 0008 2112a442 000102030405060708090a0b 0019 0004 11000000',
    {
      intent: 'turn-relay',
    },
  ),
  binary(
    'turn-allocate-framed',
    'RFC 8656 section 7.1; RFC 4571 section 2',
    '001c 0003 0008 2112a442 000102030405060708090a0b 0019 0004 11000000',
    { intent: 'turn-relay' },
  ),
  binary('stun-binding', 'RFC 8489 section 5', '0001 0000 2112a442 000102030405060708090a0b'),
  spoken('ssh-banner-of-a-scanner', 'RFC 4253 section 4.2', 'SSH-2.0-ZGrab ZGrab SSH Survey\r\n'),
  binary('rdp-negotiation', 'MS-RDPBCGR section 2.2.1.1', '0300 0013 0e e0 0000 0000 00 01 00 0800 0b000000'),
  binary(
    's7-connection',
    'RFC 1006 section 6; nmap s7-info',
    '0300 0016 11 e0 0000 0014 00 c1020100 c2020102 c0010a',
  ),
  binary('smb-negotiate', 'MS-SMB2 section 2.2.3', '00000054 fe534d42 4000 0000 00000000 0000 0000'),
  binary(
    'smb1-negotiate',
    'MS-CIFS section 2.2.4.52; nmap SMBProgNeg',
    '000000a4 ff534d42 72 00000000 08 0140',
  ),
  binary('ldap-bind', 'RFC 4511 section 4.2; nmap LDAPBindReq', '300c 020101 6007 020102 0400 8000'),
  binary('postgresql-ssl-request', 'PostgreSQL protocol, SSLRequest', '00000008 04d2162f'),
  binary('mongodb-hello', 'MongoDB wire protocol', '3f000000 01000000 00000000 d4070000 00000000'),
  binary('tds-prelogin', 'MS-TDS section 2.2.6.5', '1201 0034 0000 0000 0000 15 0006'),
  binary('ajp-forward', 'AJP version 1.3; CVE-2020-1938', '1234 0010 02 02 0008 485454502f312e31'),
  binary('mqtt-connect', 'MQTT version 3.1.1, section 3.1', '1010 0004 4d515454 04 02 003c 0004 74657374'),
  binary('amqp-header', 'AMQP version 0-9-1, section 4.2.2', '414d5150 00 00 09 01'),
  binary('java-rmi', 'Java RMI specification, section 10.2', '4a524d49 0002 4b'),
  binary('pptp-start', 'RFC 2637 section 2.1', '009c 0001 1a2b3c4d 0001 0000 0100 0000'),
  binary('openvpn-reset', 'OpenVPN protocol; scanners', '000e 38 0102030405060708 00 00000000'),
  binary(
    'dns-version-bind',
    'RFC 1035 section 4.2.2; nmap',
    '001e 0006 0100 0001 0000 0000 0000 07 76657273696f6e 04 62696e64 00 0010 0003',
  ),
  binary('telnet-negotiation', 'RFC 854', 'fffb18 fffb20'),
  binary(
    'minecraft-status',
    'Minecraft Java edition protocol',
    '15 00 ffff03 0d 7777772e6578616d706c652e 6e 0050 01',
  ),
  binary(
    'noise-as-of-shadowsocks',
    'random bytes; obfuscating proxies',
    '9c e1 07 5b 8f 00 d4 62 f0 11 b8 23 ac 9e 40 7d',
  ),
  spoken('rtsp-options', 'nmap RTSPRequest', head('OPTIONS / RTSP/1.0'), { intent: 'stream-relay' }),
  spoken(
    'rtsp-describe',
    'RFC 2326 section 10.2',
    head('DESCRIBE rtsp://192.0.2.80/live RTSP/1.0', 'CSeq: 2'),
    { intent: 'stream-relay', destination: 'rtsp://192.0.2.80/live' },
  ),
  spoken('rtsp-get', 'RFC 2326 section 4.1', head('GET / RTSP/1.0', 'Host: www.example.net'), {
    intent: 'stream-relay',
  }),
  spoken('ice-source', 'Icecast source clients', head('SOURCE /live ICE/1.0', 'Host: www.example.net'), {
    intent: 'stream-relay',
  }),
  spoken(
    'sip-options',
    'RFC 3261 section 7.1; nmap SIPOptions',
    head('OPTIONS sip:nm SIP/2.0', 'Via: SIP/2.0/TCP nm;branch=foo', 'CSeq: 42 OPTIONS'),
    { intent: 'sip-relay', destination: 'sip:nm' },
  ),
  spoken(
    'sip-invite',
    'RFC 3261 section 13; toll fraud',
    head('INVITE sip:00441632960000@192.0.2.80 SIP/2.0', 'CSeq: 1 INVITE'),
    { intent: 'sip-relay' },
  ),
  spoken(
    'icap-options',
    'RFC 3507 section 4.10',
    head('OPTIONS icap://192.0.2.80/request ICAP/1.0', 'Host: 192.0.2.80'),
    { intent: 'cache-manager' },
  ),
  spoken('wingate-open', 'WinGate; telnet proxies', 'open 198.51.100.25 25\r\n', {
    intent: 'mail-relay',
    destination: '198.51.100.25:25',
  }),
  spoken('wingate-address', 'WinGate; telnet proxies', '198.51.100.203:80\r\n', {
    intent: 'web',
    destination: '198.51.100.203:80',
  }),
  spoken('wingate-name', 'WinGate; telnet proxies', 'mx.example.com:25\r\n', {
    intent: 'mail-relay',
    destination: 'mx.example.com:25',
  }),
  spoken('wingate-name-and-port', 'WinGate; telnet proxies', 'mx.example.com 25\r\n', {
    intent: 'mail-relay',
    destination: 'mx.example.com:25',
  }),
  spoken('ftp-user', 'RFC 959 section 4.1.1', 'USER anonymous\r\n'),
  spoken('irc-nick', 'RFC 2812 section 3.1.2', 'NICK guest\r\nUSER guest 0 * :guest\r\n', {
    intent: 'chat-relay',
  }),
  spoken('imap-capability', 'RFC 3501 section 6.1.1', 'a001 CAPABILITY\r\n'),
  spoken('redis-inline-info', 'the Redis serialization protocol; scanners', 'INFO\r\n'),
  spoken('memcached-stats', 'memcached, protocol.txt; scanners', 'stats\r\n'),
  spoken(
    'trojan',
    'the Trojan protocol; scanners',
    `${'5f'.repeat(28)}\r\n${hex('01 01 cb007107 0050')}\r\n`,
  ),
  spoken('magellan', 'scanners', 'MGLNDD_192.0.2.80_80\n'),
];
