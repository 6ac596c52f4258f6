import type { Intent } from '../../src/rules/intent.ts';
import { flagged, head, hex, refused } from './request.ts';
import type { CorpusRow } from './row.ts';

const agent = 'User-Agent: Mozilla/5.0 zgrab/0.x';

const tunnel = (id: string, authority: string, intent: Intent, reference: string): CorpusRow => ({
  id: `today-connect-${id}`,
  reference,
  bytes: head(`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`, agent, 'Proxy-Connection: Keep-Alive'),
  expect: refused('connect', 405, { intent, destination: authority, rules: ['proxy-connection'] }),
});

const fetched = (id: string, url: string, intent: Intent, reference: string): CorpusRow => ({
  id: `today-fetch-${id}`,
  reference,
  bytes: head(
    `GET ${url} HTTP/1.1`,
    `Host: ${/\/\/([^/]*)/.exec(url)![1]}`,
    'User-Agent: Go-http-client/1.1',
  ),
  expect: refused('absolute-form-foreign', 421, { intent, destination: url }),
});

const spoken = (id: string, reference: string, bytes: string, intent: Intent = 'web'): CorpusRow => ({
  id: `today-${id}`,
  reference,
  bytes,
  expect: refused('not-http', 400, { intent }),
});

const socks5 = (id: string, request: string, intent: Intent, destination: string): CorpusRow => ({
  id: `today-socks5-${id}`,
  reference: 'RFC 1928 section 4',
  bytes: hex(`05 01 00 ${request}`),
  expect: refused('socks5', 'drop', { intent, destination }),
});

const inPath = (id: string, target: string, reference: string): CorpusRow => ({
  id: `today-path-${id}`,
  reference,
  bytes: head(`GET ${target} HTTP/1.1`, 'Host: www.example.net', agent),
  expect: flagged('path-proxy', `GET ${target} HTTP/1.1`),
});

/** Kinds of probes without a row in the other topics. */
export const todayRows: CorpusRow[] = [
  tunnel('ssh', 'www.example.com:22', 'remote-login', 'RFC 4253; credential stuffing through proxies'),
  tunnel('telnet', 'www.example.com:23', 'remote-login', 'RFC 854; botnets that spread through proxies'),
  tunnel('rdp', '203.0.113.9:3389', 'remote-login', 'MS-RDPBCGR; password guessing through proxies'),
  tunnel('vnc', '203.0.113.9:5900', 'remote-login', 'RFC 6143'),
  tunnel('pop3', 'mail.example.com:110', 'mail-access', 'RFC 1939'),
  tunnel('pop3s', 'mail.example.com:995', 'mail-access', 'RFC 8314 section 7.2'),
  tunnel('imap', 'mail.example.com:143', 'mail-access', 'RFC 3501'),
  tunnel('imaps', 'mail.example.com:993', 'mail-access', 'RFC 8314; stolen passwords tried at mailboxes'),
  tunnel('judge', 'httpbin.org:443', 'proxy-judge', 'proxy checkers that use TLS'),
  tunnel('address-of-the-asker', 'api.ipify.org:443', 'proxy-judge', 'proxy checkers that use TLS'),
  tunnel('azure-wire-server', '168.63.129.16:80', 'metadata', 'Azure, 168.63.129.16'),
  tunnel('metadata-nat64', '[64:ff9b::a9fe:a9fe]:80', 'metadata', 'RFC 6052 section 2.1'),
  tunnel('metadata-by-name', '169.254.169.254.nip.io:80', 'metadata', 'names that hold an address'),
  fetched('trace-page', 'http://www.example.com/cdn-cgi/trace', 'proxy-judge', 'Cloudflare, /cdn-cgi/trace'),
  fetched('no-content-page', 'http://www.example.com/generate_204', 'proxy-judge', 'captive portal checks'),
  fetched(
    'portal-page',
    'http://www.example.com/hotspot-detect.html',
    'proxy-judge',
    'captive portal checks',
  ),
  fetched('connect-test', 'http://www.example.com/connecttest.txt', 'proxy-judge', 'captive portal checks'),
  fetched('ip-api', 'http://ip-api.com/json/', 'proxy-judge', 'proxy checkers'),
  fetched('wtfismyip', 'http://wtfismyip.com/text', 'proxy-judge', 'proxy checkers'),
  fetched('ifconfig-io', 'http://ifconfig.io/ip', 'proxy-judge', 'proxy checkers'),
  fetched('icanhazip', 'http://icanhazip.com/', 'proxy-judge', 'proxy checkers'),
  fetched('checkip', 'http://checkip.amazonaws.com/', 'proxy-judge', 'proxy checkers'),
  fetched('httpbin', 'http://httpbin.org/ip', 'proxy-judge', 'proxy checkers'),
  fetched(
    'alibaba-metadata',
    'http://100.100.100.200/latest/meta-data/',
    'metadata',
    'Alibaba Cloud, metadata',
  ),
  fetched('consul', 'http://127.0.0.1:8500/v1/agent/self', 'loopback', 'scanners for SSRF'),
  fetched('docker', 'http://10.0.0.1:2375/containers/json', 'private-network', 'scanners for SSRF'),
  {
    id: 'today-cache-manager',
    reference: 'Squid, cache_object:; nmap http-open-proxy',
    bytes: head('GET cache_object://localhost/info HTTP/1.0', 'Accept: */*'),
    expect: refused('absolute-form-scheme', 400, { intent: 'cache-manager' }),
  },
  socks5('mail', '05 01 00 01 c6336419 0019', 'mail-relay', '198.51.100.25:25'),
  socks5('bind', '05 02 00 01 cb007107 0050', 'socks-bind', '203.0.113.7:80'),
  socks5('udp', '05 03 00 01 00000000 0000', 'udp-relay', '0.0.0.0:0'),
  socks5('loopback', '05 01 00 01 7f000001 0016', 'loopback', '127.0.0.1:22'),
  socks5('metadata', '05 01 00 01 a9fea9fe 0050', 'metadata', '169.254.169.254:80'),
  spoken('ssh-of-a-library', 'RFC 4253 section 4.2', 'SSH-2.0-paramiko_3.4.0\r\n'),
  spoken('fastcgi', 'FastCGI specification, section 5.1', hex('01 01 0001 0008 00 00 0001 00 0000000000')),
  spoken(
    'mongodb-message',
    'MongoDB wire protocol, OP_MSG',
    hex('30000000 01000000 00000000 dd070000 00000000'),
  ),
  spoken(
    'postgresql-startup',
    'PostgreSQL protocol, StartupMessage',
    hex('00000029 00030000') + 'user\x00postgres\x00',
  ),
  spoken('oracle-tns', 'nmap oracle-tns-version', hex('005a 0000 01 00 0000 0136 012c 0000 0800')),
  spoken('bittorrent', 'BEP 3', `\x13BitTorrent protocol${hex('0000000000100005')}`),
  spoken('giop', 'CORBA version 3.0, section 15.4', `GIOP${hex('01 00 01 00 24000000')}`),
  spoken('adb', 'Android Debug Bridge', `CNXN${hex('00000001 00100000')}host::`),
  spoken('x11', 'X Window System Protocol, section 8', hex('6c 00 0b00 0000 0000 0000 0000')),
  spoken('vnc-version', 'RFC 6143 section 7.1.1', 'RFB 003.008\n'),
  spoken('pop3-capabilities', 'RFC 2449 section 5', 'CAPA\r\n'),
  spoken('imap-login', 'RFC 3501 section 6.2.3', 'a1 LOGIN test test\r\n'),
  spoken('redis-config', 'Redis, CONFIG SET; cryptominers', 'CONFIG SET dir /root/.ssh\r\n'),
  spoken(
    'stratum-login',
    'the Stratum mining protocol',
    '{"id":1,"method":"login","params":{"login":"x"}}\n',
  ),
  spoken(
    'icap-reqmod',
    'RFC 3507 section 4.8',
    head('REQMOD icap://192.0.2.80/req ICAP/1.0'),
    'cache-manager',
  ),
  spoken(
    'sip-register',
    'RFC 3261 section 10',
    head('REGISTER sip:192.0.2.80 SIP/2.0', 'CSeq: 1 REGISTER'),
    'sip-relay',
  ),
  spoken(
    'rtsp-announce',
    'RFC 2326 section 10.3',
    head('ANNOUNCE rtsp://192.0.2.80/a RTSP/1.0'),
    'stream-relay',
  ),
  spoken('wingate-chat', 'WinGate; telnet proxies', 'open 198.51.100.203 6667\r\n', 'chat-relay'),
  inPath('gcp-token', '/proxy/http/metadata.google.internal/computeMetadata/v1/', 'scanners for SSRF'),
  inPath('elasticsearch', '/fetch?url=http://127.0.0.1:9200/_cat/indices', 'scanners for SSRF'),
  inPath('spring-gateway', '/webproxy/192.168.0.10/', 'scanners that look for proxy scripts'),
];
