import type { Intent } from '../../src/rules/intent.ts';
import { head, refused } from './request.ts';
import type { CorpusRow } from './row.ts';

/** CONNECT as a proxy client writes it, Host line included. */
const tunnel = (id: string, authority: string, reference: string, intent: Intent): CorpusRow => ({
  id: `connect-${id}`,
  reference,
  bytes: head(`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`),
  expect: refused('connect', 405, { intent, destination: authority }),
});

export const connect: CorpusRow[] = [
  tunnel('smtp', 'mx.example.org:25', 'spam relay through CONNECT', 'mail-relay'),
  tunnel('smtps', 'mx.example.org:465', 'RFC 8314 section 7.3', 'mail-relay'),
  tunnel('submission', 'mx.example.org:587', 'RFC 6409 section 3.1', 'mail-relay'),
  tunnel('submission-alternate', 'mx.example.org:2525', 'the port of mail services', 'mail-relay'),
  tunnel('smtp-address', '198.51.100.25:25', 'spam relay through CONNECT', 'mail-relay'),
  tunnel('irc', 'irc.example.org:6667', 'RFC 7194; proxy scanners of IRC networks', 'chat-relay'),
  tunnel('irc-first-port', 'irc.example.org:6660', 'proxy scanners of IRC networks', 'chat-relay'),
  tunnel('irc-last-port', 'irc.example.org:6669', 'proxy scanners of IRC networks', 'chat-relay'),
  tunnel('irc-tls', 'irc.example.org:6697', 'RFC 7194', 'chat-relay'),
  tunnel('irc-legacy-tls', 'irc.example.org:7000', 'proxy scanners of IRC networks', 'chat-relay'),
  tunnel('metadata-ipv4', '169.254.169.254:80', 'cloud instance metadata', 'metadata'),
  tunnel('metadata-ipv6', '[fd00:ec2::254]:80', 'cloud instance metadata over IPv6', 'metadata'),
  tunnel('metadata-name', 'metadata.google.internal:80', 'cloud instance metadata', 'metadata'),
  tunnel('loopback-ssh', '127.0.0.1:22', 'CWE-441', 'loopback'),
  tunnel('loopback-name', 'localhost:3306', 'CWE-441', 'loopback'),
  tunnel('loopback-ipv6', '[::1]:6379', 'CWE-441', 'loopback'),
  tunnel('loopback-mapped', '[::ffff:127.0.0.1]:80', 'RFC 4291 section 2.5.5.2', 'loopback'),
  tunnel('loopback-decimal', '2130706433:80', 'inet_aton(3) notation', 'loopback'),
  tunnel('private-ten', '10.0.0.5:443', 'RFC 1918', 'private-network'),
  tunnel('private-172', '172.16.4.1:8443', 'RFC 1918', 'private-network'),
  tunnel('private-192', '192.168.1.1:80', 'RFC 1918', 'private-network'),
  tunnel('private-unique-local', '[fd12:3456:789a::1]:443', 'RFC 4193', 'private-network'),
  tunnel('web', 'www.example.com:443', 'curl --proxy', 'web'),
  tunnel('search-engine', 'www.google.com:443', 'open proxy scanners', 'web'),
  {
    id: 'connect-upper-case-host',
    reference: 'RFC 3986 section 3.2.2',
    bytes: head('CONNECT WWW.EXAMPLE.COM:443 HTTP/1.1', 'Host: WWW.EXAMPLE.COM:443'),
    expect: refused('connect', 405, { intent: 'web' }),
  },
  {
    id: 'connect-lower-case-method',
    reference: 'RFC 9110 section 9.1: methods are case sensitive, careless servers are not',
    bytes: head('connect mail.example.com:25 HTTP/1.0'),
    expect: refused('connect', 405, { intent: 'mail-relay' }),
  },
  {
    id: 'connect-mixed-case-method',
    reference: 'RFC 9110 section 9.1: methods are case sensitive, careless servers are not',
    bytes: head('Connect www.example.com:443 HTTP/1.1', 'Host: www.example.com:443'),
    expect: refused('connect', 405, { intent: 'web' }),
  },
  {
    // A trusted proxy, or a client on the allow-list, must not relay either.
    id: 'connect-from-trusted-proxy',
    reference: 'RFC 9110 section 9.3.6',
    bytes: head('CONNECT mail.example.com:25 HTTP/1.0'),
    expect: refused('connect', 405, { intent: 'mail-relay', destination: 'mail.example.com:25' }),
    client: 'trusted',
  },
  {
    id: 'connect-without-host',
    reference: 'RFC 9112 section 3.2.3; nmap http-open-proxy',
    bytes: head('CONNECT www.google.com:80 HTTP/1.0'),
    expect: refused('connect', 405, { intent: 'web', destination: 'www.google.com:80' }),
  },
  {
    id: 'connect-own-host-other-target',
    reference: 'RFC 9112 section 3.2.3',
    bytes: head('CONNECT www.example.com:443 HTTP/1.1', 'Host: www.example.net'),
    expect: refused('connect', 405, { intent: 'web' }),
  },
  {
    id: 'connect-absolute-form',
    reference: 'RFC 9112 section 3.2.3',
    bytes: head('CONNECT http://www.example.com:443/ HTTP/1.1', 'Host: www.example.com:443'),
    expect: refused('connect', 405),
  },
  {
    id: 'connect-origin-form',
    reference: 'RFC 9112 section 3.2.3',
    bytes: head('CONNECT / HTTP/1.1', 'Host: www.example.net'),
    expect: refused('connect', 405),
  },
  {
    id: 'connect-without-port',
    reference: 'RFC 9110 section 9.3.6: a client must send the port number',
    bytes: head('CONNECT www.example.com HTTP/1.1', 'Host: www.example.com'),
    expect: refused('connect', 405),
  },
  {
    id: 'connect-with-userinfo',
    reference: 'RFC 9110 section 4.2.4',
    bytes: head('CONNECT www.example.net:443@www.example.com:443 HTTP/1.1', 'Host: www.example.net'),
    expect: refused('connect', 405),
  },
  {
    id: 'connect-bad-port',
    reference: 'RFC 9110 section 9.3.6: a server must reject an empty or invalid port number',
    bytes: head('CONNECT www.example.com:99999 HTTP/1.1', 'Host: www.example.com'),
    expect: refused('connect', 405),
  },
  {
    id: 'connect-with-proxy-credentials',
    reference: 'RFC 9110 section 11.7.2',
    bytes: head(
      'CONNECT www.example.com:443 HTTP/1.1',
      'Host: www.example.com:443',
      'Proxy-Authorization: Basic dGVzdDp0ZXN0',
      'Proxy-Connection: Keep-Alive',
    ),
    expect: refused('connect', 405, { rules: ['proxy-authorization', 'proxy-connection'], intent: 'web' }),
  },
  {
    id: 'connect-with-pipelined-client-hello',
    reference: 'RFC 9110 section 9.3.6; clients that save a round trip',
    bytes:
      head('CONNECT www.example.com:443 HTTP/1.1', 'Host: www.example.com:443') +
      '\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03',
    expect: refused('connect', 405, { intent: 'web', destination: 'www.example.com:443' }),
  },
];
