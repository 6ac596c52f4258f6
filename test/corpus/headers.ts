import { flagged, head, own, refused, served } from './request.ts';
import type { Backend, CorpusRow } from './row.ts';

const get = (...headers: string[]): string => head('GET /a HTTP/1.1', 'Host: www.example.net', ...headers);

const line = 'GET /a HTTP/1.1';

/** A header that would send the request to a host of the sender's choice. */
const override = (id: string, name: string, value: string, reference: string): CorpusRow => ({
  id: `override-${id}`,
  reference,
  bytes: get(`${name}: ${value}`),
  expect: flagged('host-override', line, { lacks: [name.toLowerCase()] }),
});

/** A target with a foreign URL in place of a path. */
const embedded = (id: string, target: string, reference: string): CorpusRow => ({
  id: `url-in-path-${id}`,
  reference,
  bytes: head(`GET ${target} HTTP/1.1`, 'Host: www.example.net'),
  expect: flagged('url-in-path', `GET ${target} HTTP/1.1`),
});

const strips = (id: string, connection: string, header: string): CorpusRow => ({
  id: `connection-strips-${id}`,
  reference: 'RFC 9110 section 7.6.1; CVE-2022-31813',
  bytes: get(`Connection: ${connection}`, header),
  expect: refused('connection-strips', 400),
});

const upgrade = (id: string, protocol: string, reference: string, ...more: string[]): CorpusRow => ({
  id: `upgrade-${id}`,
  reference,
  bytes: get('Connection: Upgrade', `Upgrade: ${protocol}`, ...more),
  expect: flagged('upgrade-unknown', line, { lacks: ['upgrade'] }),
});

/** A claim from a peer that is not trusted: the backend gets our own value, or none. */
const claim = (id: string, header: string, backend: Partial<Backend>): CorpusRow => ({
  id: `override-client-${id}`,
  reference: 'CWE-348; CVE-2018-14773',
  bytes: get(header),
  expect: flagged('host-override', line, backend),
});

/** Only the listener itself names the subject of a client certificate. */
const certificateName = (id: string, name: string): CorpusRow => ({
  id: `client-certificate-${id}`,
  reference: 'CWE-290; RFC 9440 section 2.4',
  bytes: get(`${name}: CN=root`),
  expect: served(line, { lacks: [name.toLowerCase()] }),
});

const certificateNames: CorpusRow[] = [
  certificateName('forged', 'X-Client-Cert-Subject'),
  certificateName('underscored', 'X_CLIENT_CERT_SUBJECT'),
  certificateName('half-underscored', 'X-Client_Cert-Subject'),
];

const overrides: CorpusRow[] = [
  claim('x-real-ip', 'X-Real-IP: 203.0.113.7', { has: { 'x-real-ip': '127.0.0.1' } }),
  claim('x-forwarded-port', 'X-Forwarded-Port: 22', { has: { 'x-forwarded-port': '80' } }),
  claim('true-client-ip', 'True-Client-IP: 203.0.113.7', { lacks: ['true-client-ip'] }),
  claim('cf-connecting-ip', 'CF-Connecting-IP: 203.0.113.7', { lacks: ['cf-connecting-ip'] }),
  claim('x-cluster-client-ip', 'X-Cluster-Client-IP: 203.0.113.7', { lacks: ['x-cluster-client-ip'] }),
  claim('forwarded-for', 'Forwarded-For: 203.0.113.7', { lacks: ['forwarded-for'] }),
  claim('ali-cdn-real-ip', 'Ali-CDN-Real-IP: 203.0.113.7', { lacks: ['ali-cdn-real-ip'] }),
  claim('x-forwarded-user', 'X-Forwarded-User: admin', { lacks: ['x-forwarded-user'] }),
  claim('x-forwarded-for-underscored', 'X_Forwarded_For: 203.0.113.7', {
    has: { 'x-forwarded-for': '127.0.0.1' },
    lacks: ['x_forwarded_for'],
  }),
  claim('x-forwarded-host-underscored', 'X_Forwarded_Host: www.example.com', {
    has: { 'x-forwarded-host': own },
    lacks: ['x_forwarded_host'],
  }),
  claim('x-forwarded-proto-half-underscored', 'X-Forwarded_Proto: https', {
    has: { 'x-forwarded-proto': 'http' },
    lacks: ['x-forwarded_proto'],
  }),
  claim('x-real-ip-underscored', 'x_real_ip: 203.0.113.7', {
    has: { 'x-real-ip': '127.0.0.1' },
    lacks: ['x_real_ip'],
  }),
  {
    id: 'override-client-underscored-from-trusted-proxy',
    reference: 'CGI variables: a proxy lets through what its client wrote',
    bytes: get('X-Forwarded-For: 203.0.113.7', 'X_Forwarded_For: 192.0.2.9'),
    expect: flagged('host-override', line, {
      has: { 'x-forwarded-for': '203.0.113.7, 127.0.0.2', 'x-real-ip': '203.0.113.7' },
      lacks: ['x_forwarded_for'],
    }),
    client: 'trusted',
  },
  {
    // The gateway replaces the foreign line by its own.
    id: 'override-x-forwarded-host',
    reference: 'password reset poisoning',
    bytes: get('X-Forwarded-Host: www.example.com'),
    expect: flagged('host-override', line, { has: { 'x-forwarded-host': own } }),
  },
  {
    id: 'override-x-forwarded-host-list',
    reference: 'password reset poisoning',
    bytes: get('X-Forwarded-Host: www.example.net, www.example.com'),
    expect: flagged('host-override', line, { has: { 'x-forwarded-host': own } }),
  },
  {
    id: 'override-forwarded-host',
    reference: 'RFC 7239 section 8.1',
    bytes: get('Forwarded: for=203.0.113.7;host=www.example.com'),
    expect: flagged('host-override', line),
  },
  {
    id: 'override-forwarded-host-quoted',
    reference: 'RFC 7239 section 4',
    bytes: get('Forwarded: for=203.0.113.7;proto=http;Host="www.example.com:8080"'),
    expect: flagged('host-override', line),
  },
  override('x-host', 'X-Host', 'www.example.com', 'password reset poisoning'),
  override('x-host-loopback', 'X-Host', '127.0.0.1', 'CWE-918'),
  override('x-original-url', 'X-Original-URL', 'http://www.example.com/admin', 'CVE-2018-14773'),
  override('x-rewrite-url', 'X-Rewrite-URL', 'http://www.example.com/admin', 'CVE-2018-14773'),
  override('x-http-destinationurl', 'X-HTTP-DestinationURL', 'http://www.example.com/', 'routing-based SSRF'),
  {
    id: 'override-destination-copy',
    reference: 'RFC 4918 section 10.3',
    bytes: head('COPY /a HTTP/1.1', 'Host: www.example.net', 'Destination: http://www.example.com/b'),
    expect: flagged('host-override', 'COPY /a HTTP/1.1', { lacks: ['destination'] }),
  },
  {
    id: 'override-destination-move',
    reference: 'RFC 4918 section 10.3',
    bytes: head(
      'MOVE /a HTTP/1.1',
      'Host: www.example.net',
      'Destination: //www.example.com/b',
      'Overwrite: F',
    ),
    expect: flagged('host-override', 'MOVE /a HTTP/1.1', { lacks: ['destination'], has: { overwrite: 'F' } }),
  },
];

const embeddedUrls: CorpusRow[] = [
  embedded('two-slashes', '//www.example.com/x', 'RFC 3986 section 4.2'),
  embedded('two-slashes-and-port', '//www.example.com:25/', 'RFC 3986 section 4.2'),
  embedded('two-slashes-metadata', '//169.254.169.254/latest/meta-data/', 'CWE-918'),
  embedded('slash-backslash', '/\\www.example.com/x', 'URL Standard, special schemes'),
  embedded('http', '/http://www.example.com/', 'CVE-2011-4317; web-based proxies'),
  embedded('https', '/https://www.example.com/a?b=c', 'web-based proxies'),
  embedded('upper-case', '/HTTP://www.example.com/', 'RFC 3986 section 3.1'),
  embedded('unix-socket', `/?unix:${'A'.repeat(701)}|http://www.example.com/`, 'CVE-2021-40438'),
  embedded('unix-socket-metadata', '/?unix:AAAA|http://169.254.169.254/latest/', 'CVE-2021-40438'),
];

const upgrades: CorpusRow[] = [
  upgrade('h2c', 'h2c', 'RFC 7540 section 3.2; h2c smuggling', 'HTTP2-Settings: AAMAAABkAAQAAP__'),
  upgrade('tls', 'TLS/1.0', 'RFC 2817 section 3'),
  upgrade('unknown', 'foo/2', 'RFC 9110 section 7.8'),
  upgrade('spdy', 'SPDY/3.1', 'kubectl exec before Kubernetes 1.31'),
  upgrade('connect-udp', 'connect-udp', 'RFC 9298 section 3.2'),
  {
    // Legitimate: Java asks for HTTP/2 this way by default, and stays with HTTP/1.1 if it is not offered.
    id: 'upgrade-h2c-of-java-client',
    reference: 'java.net.http.HttpClient of JDK 21',
    bytes: head(
      'GET /a HTTP/1.1',
      'Connection: Upgrade, HTTP2-Settings',
      'Host: www.example.net',
      'HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA',
      'Upgrade: h2c',
      'User-Agent: Java-http-client/21.0.8',
    ),
    expect: flagged('upgrade-unknown', line, {
      has: { 'user-agent': 'Java-http-client/21.0.8' },
      lacks: ['upgrade', 'http2-settings'],
    }),
  },
  {
    id: 'upgrade-websocket-where-none-is-served',
    reference: 'RFC 6455 section 4.1',
    bytes: head(
      'GET /chat HTTP/1.1',
      'Host: static.example.net',
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Version: 13',
    ),
    expect: flagged('upgrade-unknown', 'GET /chat HTTP/1.1', {
      host: 'static.example.net',
      lacks: ['upgrade'],
    }),
  },
];

const refusals: CorpusRow[] = [
  strips('x-forwarded-for', 'close, X-Forwarded-For', 'X-Forwarded-For: 203.0.113.7'),
  strips('x-forwarded-host', 'keep-alive, X-Forwarded-Host', 'X-Forwarded-Host: www.example.net'),
  strips('cookie', 'Cookie', 'Cookie: a=b'),
  strips('authorization', 'keep-alive,authorization', 'Authorization: Basic dGVzdDp0ZXN0'),
  strips('host', 'close, Host', 'Accept: */*'),
  strips('content-length', 'Content-Length', 'Content-Length: 0'),
  {
    id: 'proxy-connection-keep-alive',
    reference: 'RFC 9112 appendix C.2.2',
    bytes: get('Proxy-Connection: keep-alive'),
    expect: refused('proxy-connection', 400),
  },
  {
    id: 'proxy-connection-close',
    reference: 'RFC 9112 appendix C.2.2',
    bytes: get('proxy-connection: close'),
    expect: refused('proxy-connection', 400),
  },
  {
    id: 'proxy-connection-empty',
    reference: 'RFC 9112 appendix C.2.2',
    bytes: get('Proxy-Connection:'),
    expect: refused('proxy-connection', 400),
  },
  {
    id: 'proxy-authorization-basic',
    reference: 'RFC 9110 section 11.7.2',
    bytes: get('Proxy-Authorization: Basic dGVzdDp0ZXN0'),
    expect: refused('proxy-authorization', 400),
  },
  {
    id: 'proxy-authorization-before-proxy-connection',
    reference: 'RFC 9110 section 11.7.2',
    bytes: get('Proxy-Connection: keep-alive', 'Proxy-Authorization: Basic dGVzdDp0ZXN0'),
    expect: refused('proxy-authorization', 400, { rules: ['proxy-connection'] }),
  },
  {
    id: 'proxy-authorization-on-own-absolute-form',
    reference: 'RFC 9110 section 11.7.2',
    bytes: head(
      'GET http://www.example.net/ HTTP/1.1',
      'Host: www.example.net',
      'Proxy-Authorization: Basic dGVzdDp0ZXN0',
    ),
    expect: refused('proxy-authorization', 400),
  },
  {
    id: 'trace-own-host',
    reference: 'RFC 9110 section 9.3.8; nmap http-trace',
    bytes: head('TRACE / HTTP/1.1', 'Host: www.example.net'),
    expect: refused('trace', 405),
  },
  {
    id: 'trace-http10-without-host',
    reference: 'RFC 9110 section 9.3.8; nmap http-trace',
    bytes: head('TRACE / HTTP/1.0'),
    expect: refused('trace', 405),
  },
  {
    id: 'trace-max-forwards',
    reference: 'RFC 9110 section 7.6.2',
    bytes: head('TRACE / HTTP/1.1', 'Host: www.example.net', 'Max-Forwards: 0'),
    expect: refused('trace', 405),
  },
  {
    id: 'options-max-forwards-zero',
    reference: 'RFC 9110 section 7.6.2',
    bytes: head('OPTIONS * HTTP/1.1', 'Host: www.example.net', 'Max-Forwards: 0'),
    expect: refused('trace', 405),
  },
  {
    id: 'options-max-forwards-ten',
    reference: 'RFC 9110 section 7.6.2',
    bytes: head('OPTIONS /a HTTP/1.1', 'Host: www.example.net', 'Max-Forwards: 10'),
    expect: refused('trace', 405),
  },
];

/** Hop-by-hop headers, and those that the gateway writes about the client. */
const rewritten: CorpusRow[] = [
  {
    id: 'hop-by-hop-headers',
    reference: 'RFC 9110 section 7.6.1',
    bytes: get('Connection: keep-alive, X-Hop', 'Keep-Alive: timeout=5', 'X-Hop: 1', 'X-End: 2'),
    expect: served(line, { has: { 'x-end': '2' }, lacks: ['keep-alive', 'x-hop'] }),
  },
  {
    id: 'connection-close',
    reference: 'RFC 9112 section 9.6',
    bytes: get('Connection: close'),
    expect: served(line),
  },
  {
    id: 'connection-names-absent-header',
    reference: 'RFC 9110 section 7.6.1',
    bytes: get('Connection: close, X-Absent'),
    expect: served(line, { lacks: ['x-absent'] }),
  },
  {
    id: 'te-trailers',
    reference: 'RFC 9110 section 10.1.4; gRPC clients',
    bytes: get('Connection: TE', 'TE: trailers'),
    expect: served(line, { has: { te: 'trailers' } }),
  },
  {
    id: 'te-deflate',
    reference: 'RFC 9110 section 10.1.4; libwww-perl 6',
    bytes: get('TE: deflate,gzip;q=0.3', 'Connection: TE, close'),
    expect: served(line, { lacks: ['te'] }),
  },
  {
    id: 'httpoxy',
    reference: 'CVE-2016-5385',
    bytes: get('Proxy: http://www.example.com:3128/', 'X-End: 2'),
    expect: served(line, { has: { 'x-end': '2' }, lacks: ['proxy'] }),
  },
  {
    id: 'expect-continue',
    reference: 'RFC 9110 section 10.1.1; curl 8',
    bytes:
      head('PUT /a HTTP/1.1', 'Host: www.example.net', 'Content-Length: 5', 'Expect: 100-continue') + 'hello',
    expect: served('PUT /a HTTP/1.1', { lacks: ['expect'], body: 'hello' }),
  },
  {
    id: 'max-forwards-on-get',
    reference: 'RFC 9110 section 7.6.2: may be ignored for other methods',
    bytes: get('Max-Forwards: 10'),
    expect: served(line),
  },
  {
    id: 'forwarded-for-of-a-stranger',
    reference: 'RFC 7239 section 8.1',
    bytes: get('X-Forwarded-For: 203.0.113.7', 'X-Forwarded-Proto: https'),
    expect: served(line, { has: { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http' } }),
  },
  {
    id: 'forwarded-for-absent',
    reference: 'RFC 7239 section 1',
    bytes: get('Accept: */*'),
    expect: served(line, {
      has: { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http', 'x-forwarded-host': own },
    }),
  },
  {
    id: 'forwarded-for-of-a-trusted-proxy',
    reference: 'RFC 7239 section 7.4',
    bytes: get('X-Forwarded-For: 203.0.113.7', 'X-Forwarded-Proto: https'),
    expect: served(line, {
      has: { 'x-forwarded-for': '203.0.113.7, 127.0.0.1', 'x-forwarded-proto': 'https' },
    }),
    client: 'trusted',
  },
  {
    id: 'forwarded-for-chain-of-a-trusted-proxy',
    reference: 'RFC 7239 section 7.4',
    bytes: get('X-Forwarded-For: 203.0.113.7, 10.0.0.5'),
    expect: served(line, { has: { 'x-forwarded-for': '203.0.113.7, 10.0.0.5, 127.0.0.1' } }),
    client: 'trusted',
  },
  {
    id: 'forwarded-host-own',
    reference: 'a CDN in front',
    bytes: get('X-Forwarded-Host: www.example.net'),
    expect: served(line, { has: { 'x-forwarded-host': own } }),
  },
  {
    id: 'forwarded-host-own-of-a-trusted-proxy',
    reference: 'a CDN in front',
    bytes: get('X-Forwarded-Host: www.example.net', 'X-Forwarded-For: 203.0.113.7'),
    expect: served(line, { has: { 'x-forwarded-for': '203.0.113.7, 127.0.0.1' } }),
    client: 'trusted',
  },
  {
    id: 'forwarded-host-own-in-forwarded',
    reference: 'RFC 7239 section 5.3',
    bytes: get('Forwarded: for=203.0.113.7;host=www.example.net;proto=http'),
    expect: served(line),
  },
];

export const headers: CorpusRow[] = [
  ...certificateNames,
  ...overrides,
  ...embeddedUrls,
  ...upgrades,
  ...refusals,
  ...rewritten,
];
