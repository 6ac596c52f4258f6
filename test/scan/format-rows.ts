/** One row per format: its title, sample lines, and the probes among them. */
interface Row {
  readonly format: string | RegExp;
  readonly lines: readonly string[];
  /** `technique target outcome client` of each probe. */
  readonly probes: readonly string[];
  readonly requests?: number;
}

const clf = (request: string, rest = '404 162'): string =>
  `192.0.2.7 - - [10/Oct/2024:18:54:01 +0900] "${request}" ${rest}`;
const combinedTail = ' "-" "Mozilla/5.0"';

const elb = (request: string, status: number): string =>
  `2026-11-10T10:00:00.000000Z my-elb 192.0.2.7:4000 10.0.0.5:80 0.00002 0.001 0.00002 ${status} ${status} 0 5120 "${request}" "curl/8" - -`;
const cloudflare = (method: string, target: string, status: number): string =>
  `{"ClientIP":"192.0.2.7","ClientRequestHost":"www.example.net","ClientRequestMethod":"${method}","ClientRequestURI":"${target}","EdgeStartTimestamp":1793959200000000000,"EdgeResponseStatus":${status},"EdgeResponseBytes":312}`;
const gcp = (method: string, url: string, status: number): string =>
  `{"httpRequest":{"requestMethod":"${method}","requestUrl":"${url}","status":${status},"responseSize":"5120","remoteIp":"192.0.2.7","latency":"0.1s"},"timestamp":"2026-11-10T10:00:00Z"}`;
const pinoRequest = (id: string, url: string): string =>
  `{"level":30,"time":1793959200000,"pid":1,"hostname":"h","reqId":"${id}","req":{"method":"GET","url":"${url}","host":"www.example.net","remoteAddress":"192.0.2.7","remotePort":4000},"msg":"incoming request"}`;
const pinoAnswer = (id: string, status: number): string =>
  `{"level":30,"time":1793959200003,"pid":1,"hostname":"h","reqId":"${id}","res":{"statusCode":${status}},"responseTime":3.2,"msg":"request completed"}`;
const uwsgi = (request: string, status: number, bytes: number): string =>
  `[pid: 1|app: 0|req: 1/1] 192.0.2.7 () {38 vars in 696 bytes} [Tue Nov 10 10:00:00 2026] ${request} => generated ${bytes} bytes in 3 msecs (HTTP/1.1 ${status}) 2 headers in 70 bytes (1 switches on core 0)`;

export const formatRows: readonly Row[] = [
  {
    format: /combined/,
    lines: [clf('GET / HTTP/1.1', '200 512'), clf('GET http://www.example.com/index.html HTTP/1.0')],
    probes: ['absolute http://www.example.com/index.html refused 192.0.2.7'],
  },
  {
    format: /combined/,
    lines: [clf('CONNECT mx.example.com:25 HTTP/1.1', '405 166') + combinedTail],
    probes: ['connect mx.example.com:25 refused 192.0.2.7'],
  },
  {
    // vhost_combined has a port after the name; CONNECT to a name in that column is connect-self.
    format: /combined/,
    lines: [
      `www.example.net:80 ${clf('GET / HTTP/1.1', '200 512')}${combinedTail}`,
      `www.example.net:80 ${clf('GET http://www.example.net/page HTTP/1.1', '200 99')}${combinedTail}`,
      `www.example.net:80 ${clf('CONNECT www.example.net:443 HTTP/1.1', '302 498')}${combinedTail}`,
    ],
    probes: ['connect-self www.example.net:443 refused 192.0.2.7'],
  },
  {
    // nginx escapes unreadable bytes; Apache 1.3 wrote them raw.
    format: /combined/,
    lines: [
      clf('\\x04\\x01\\x00\\x19\\xC0\\x00\\x02\\x09\\x00', '400 166') + combinedTail,
      clf('\\x05\\x01\\x00', '400 166') + combinedTail,
      clf('\x05\x01', '501 -') + combinedTail,
      clf('\\x05\\x00\\x0B\\x03\\x10', '400 166') + combinedTail,
      clf('\\x16\\x03\\x01\\x00', '400 226') + combinedTail,
      clf('EHLO mail.example.com', '400 226') + combinedTail,
      clf('HELP', '400 226') + combinedTail,
    ],
    probes: [
      'socks4 \\x04\\x01\\x00\\x19\\xc0\\x00\\x02\\x09\\x00 refused 192.0.2.7',
      'socks5 \\x05\\x01\\x00 refused 192.0.2.7',
      'socks5 \\x05\\x01 refused 192.0.2.7',
      'tls \\x16\\x03\\x01\\x00 refused 192.0.2.7',
      'smtp EHLO mail.example.com refused 192.0.2.7',
    ],
  },
  {
    format: 'Traefik common log format',
    lines: [
      `172.17.0.1 - - [08/Dec/2021:09:16:05 +0000] "CONNECT example.com:443 HTTP/1.1" 404 19 "-" "-" 500 "-" "-" 0ms`,
    ],
    probes: ['connect example.com:443 refused 172.17.0.1'],
  },
  {
    format: /combined/,
    lines: [
      '[10/Feb/2024:21:23:40 +0100] www.example.net 192.0.2.7 0.002 "GET http://example.com/ HTTP/1.1" 400 77 935 - curl/8.6.0',
    ],
    probes: ['absolute http://example.com/ refused 192.0.2.7'],
  },
  {
    format: 'Nginx Proxy Manager',
    lines: [
      '[24/Jan/2022:16:51:02 +0000] - 404 404 - GET http www.example.net "/x" [Client 192.0.2.7] [Length 192] [Gzip 3.10] [Sent-to app] "curl/8" "-"',
      '[24/Jan/2022:16:51:03 +0000] 400 - CONNECT http example.com "example.com:443" [Client 192.0.2.7] [Length 0] [Gzip -] "curl/8" "-"',
    ],
    probes: ['connect example.com:443 refused 192.0.2.7'],
  },
  {
    format: 'Caddy JSON',
    lines: [
      '{"level":"info","ts":1693840791.75,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"192.0.2.7","remote_port":"4","client_ip":"192.0.2.7","proto":"HTTP/1.1","method":"GET","host":"www.example.com","uri":"http://www.example.com/","headers":{"User-Agent":["curl/8"]}},"bytes_read":0,"duration":0.01,"size":0,"status":404}',
      '{"level":"error","ts":1693840792.1,"logger":"tls","msg":"no certificate"}',
    ],
    probes: ['absolute http://www.example.com/ refused 192.0.2.7'],
    requests: 1,
  },
  {
    format: 'Traefik JSON',
    lines: [
      '{"ClientAddr":"192.0.2.7:39496","ClientHost":"192.0.2.7","DownstreamContentSize":19,"DownstreamStatus":404,"Duration":357313,"RequestAddr":"example.com:443","RequestHost":"example.com","RequestMethod":"CONNECT","RequestPath":"","RequestProtocol":"HTTP/1.1","StartUTC":"2021-12-08T14:02:43.587782192Z"}',
    ],
    probes: ['connect example.com:443 refused 192.0.2.7'],
  },
  {
    format: 'HAProxy',
    lines: [
      'Feb  6 12:14:14 localhost haproxy[14389]: 192.0.2.7:33317 [06/Feb/2009:12:14:14.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {www.example.net} {} "GET /index.html HTTP/1.1"',
      'Feb  6 12:14:15 localhost haproxy[14389]: 192.0.2.7:33318 [06/Feb/2009:12:14:15.001] http-in http-in/<NOSRV> -1/-1/-1/-1/0 400 187 - - PR-- 1/1/0/0/0 0/0 "CONNECT example.com:25 HTTP/1.1"',
      'Feb  6 12:14:16 localhost haproxy[14389]: 192.0.2.7:33319 [06/Feb/2009:12:14:16.001] http-in static/srv1 1/0/3/6/10 200 2750 - - ---- 1/1/0/0/0 0/0 "GET http://example.com/index.html HTTP/1.1"',
    ],
    probes: [
      'connect example.com:25 refused 192.0.2.7',
      'absolute http://example.com/index.html local 192.0.2.7',
    ],
  },
  {
    format: 'Envoy',
    lines: [
      '[2016-04-15T20:17:00.310Z] "CONNECT - HTTP/1.1" 404 NR 0 0 226 - "192.0.2.7" "curl/8" "cc21d9b0" "example.com:443" "-"',
      '[2016-04-15T20:17:01.310Z] "POST /api HTTP/2" 204 - 154 0 226 100 "192.0.2.7" "nsq2http" "cc21" "www.example.net" "10.0.2.1:80"',
    ],
    probes: ['connect example.com:443 refused 192.0.2.7'],
  },
  {
    // The load balancer logs every request as a URL: none of them is absolute-form.
    format: 'AWS application load balancer',
    lines: [
      'http 2023-04-26T12:23:00.186641Z app/lb/1 192.0.2.7:44740 10.0.0.1:80 0.086 0.048 0.037 200 200 0 57 "GET http://www.example.net:80/robots.txt HTTP/1.1" "curl/7.46.0" - - arn "Root=1" "-" "-" 1 2018-07-02T22:22:48.364000Z "forward" "-" "-" "10.0.0.1:80" "200" "-" "-"',
    ],
    probes: [],
    requests: 1,
  },
  {
    format: 'W3C extended (IIS)',
    lines: [
      '#Software: Microsoft Internet Information Services 10.0',
      '#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status sc-bytes time-taken',
      '2024-02-10 21:23:40 10.0.0.1 GET / - 80 - 192.0.2.7 curl/8 - 200 0 0 1234 15',
      '2024-02-10 21:23:41 10.0.0.1 GET http://example.com/azenv.php - 80 - 192.0.2.7 curl/8 - 404 0 2 1245 15',
    ],
    probes: ['absolute http://example.com/azenv.php refused 192.0.2.7'],
  },
  {
    format: 'Zeek http.log',
    lines: [
      '#separator \\x09',
      '#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tmethod\thost\turi\treferrer\tversion\tuser_agent\tresponse_body_len\tstatus_code',
      '1707596620.1\tC1\t192.0.2.7\t4711\t10.0.0.1\t80\tCONNECT\texample.com\texample.com:25\t-\t1.1\tcurl\t166\t405',
    ],
    probes: ['connect example.com:25 refused 192.0.2.7'],
  },
  {
    format: 'Suricata eve.json',
    lines: [
      '{"timestamp":"2024-02-10T21:23:40.000000+0100","event_type":"http","src_ip":"192.0.2.7","src_port":4711,"dest_ip":"10.0.0.1","http":{"hostname":"example.com","url":"http://example.com/","http_method":"GET","protocol":"HTTP/1.1","status":403,"length":10}}',
      '{"timestamp":"2024-02-10T21:23:41.000000+0100","event_type":"flow","src_ip":"192.0.2.7"}',
    ],
    probes: ['absolute http://example.com/ refused 192.0.2.7'],
    requests: 1,
  },
  {
    format: 'squid',
    lines: [
      '1166789012.123    507 192.0.2.7 TCP_MISS/200 1234 GET http://example.com/ - HIER_DIRECT/198.51.100.1 text/html',
      '1166789013.123      0 192.0.2.7 TCP_DENIED/403 3800 CONNECT example.com:25 - HIER_NONE/- text/html',
    ],
    probes: [
      'absolute http://example.com/ likely-relayed 192.0.2.7',
      'connect example.com:25 refused 192.0.2.7',
    ],
  },
  {
    format: 'Postfix mail log',
    lines: [
      'Nov 20 10:00:00 mx postfix/smtpd[100]: connect from unknown[198.51.100.7]',
      'Nov 20 10:00:01 mx postfix/smtpd[100]: NOQUEUE: reject: RCPT from unknown[198.51.100.7]: 554 5.7.1 <a@example.com>: Relay access denied; from=<b@example.org> to=<a@example.com> proto=ESMTP helo=<x>',
      'Nov 20 10:00:02 mx postfix/smtpd[100]: 4F1B2C3D: client=unknown[198.51.100.7]',
      'Nov 20 10:00:02 mx postfix/qmgr[101]: 4F1B2C3D: from=<b@example.org>, size=500, nrcpt=1 (queue active)',
      'Nov 20 10:00:03 mx postfix/smtp[102]: 4F1B2C3D: to=<c@example.com>, relay=mx.example.com[203.0.113.9]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 Ok)',
      'Nov 20 10:00:04 mx postfix/smtpd[100]: 5F1B2C3D: client=office[192.0.2.1], sasl_method=PLAIN, sasl_username=me',
      'Nov 20 10:00:05 mx postfix/smtp[102]: 5F1B2C3D: to=<d@example.com>, relay=mx.example.com[203.0.113.9]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 Ok)',
    ],
    probes: ['mail a@example.com refused 198.51.100.7', 'mail c@example.com likely-relayed 198.51.100.7'],
  },
  {
    // Ordinary lines, then probes: a URL without a port is the client's own, the load balancer always adds a port.
    format: 'AWS classic load balancer',
    lines: [
      ...['/', '/about', '/style.css'].map((path) =>
        elb(`GET http://www.example.net:80${path} HTTP/1.1`, 200),
      ),
      elb('GET http://www.example.com/ HTTP/1.1', 200),
      elb('CONNECT mail.example.com:25 HTTP/1.1', 405),
    ],
    probes: [
      'absolute http://www.example.com/ local 192.0.2.7',
      'connect mail.example.com:25 refused 192.0.2.7',
    ],
    requests: 5,
  },
  {
    format: 'Amazon CloudFront',
    lines: [
      '#Version: 1.0',
      '#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken',
      '2026-11-10\t10:00:00\tFRA2\t5120\t192.0.2.7\tGET\td1.cloudfront.net\t/\t200\t-\tcurl\t-\t-\tMiss\tx\twww.example.net\thttp\t100\t0.1',
      '2026-11-10\t10:00:01\tFRA2\t312\t192.0.2.7\tCONNECT\td1.cloudfront.net\tmail.example.com:25\t405\t-\tcurl\t-\t-\tError\tx\twww.example.net\thttp\t100\t0.1',
    ],
    probes: ['connect mail.example.com:25 refused 192.0.2.7'],
    requests: 2,
  },
  {
    // The `#Fields` line is in an older file: the default columns of IIS apply.
    format: 'W3C extended (IIS)',
    lines: [
      '2026-11-10 10:00:00 10.0.0.1 GET / - 80 - 192.0.2.8 curl/8 - 200 0 0 15',
      '2026-11-10 10:00:01 10.0.0.1 GET http://www.example.com/azenv.php - 80 - 192.0.2.7 curl/8 - 404 0 2 15',
    ],
    probes: ['absolute http://www.example.com/azenv.php refused 192.0.2.7'],
    requests: 2,
  },
  {
    format: 'Cloudflare Logpush (HTTP requests)',
    lines: [cloudflare('GET', '/', 200), cloudflare('GET', 'http://www.example.com/', 404)],
    probes: ['absolute http://www.example.com/ refused 192.0.2.7'],
    requests: 2,
  },
  {
    // Every request is logged as a URL: the most frequent names are own.
    format: 'Google Cloud load balancer',
    lines: [
      ...['/', '/about', '/style.css'].map((path) => gcp('GET', `http://www.example.net${path}`, 200)),
      gcp('GET', 'http://judge.example.com/azenv.php', 404),
      gcp('CONNECT', 'mail.example.com:25', 405),
    ],
    probes: [
      'absolute http://judge.example.com/azenv.php refused 192.0.2.7',
      'connect mail.example.com:25 refused 192.0.2.7',
    ],
    requests: 5,
  },
  {
    format: 'Elastic Common Schema (Filebeat and others)',
    lines: [
      '{"@timestamp":"2026-11-10T10:00:00Z","source":{"ip":"192.0.2.8"},"http":{"request":{"method":"GET"},"response":{"status_code":200,"body":{"bytes":5120}}},"url":{"original":"/"}}',
      '{"@timestamp":"2026-11-10T10:00:01Z","client.ip":"192.0.2.7","http.request.method":"GET","http.response.status_code":404,"http.response.body.bytes":196,"url.original":"http://www.example.com/"}',
    ],
    probes: ['absolute http://www.example.com/ refused 192.0.2.7'],
    requests: 2,
  },
  {
    // Lines are joined by reqId. A request without an end is reported too, also across a restart; other lines are skipped.
    format: 'pino (Fastify, pino-http)',
    lines: [
      '{"level":30,"time":1793959200000,"pid":1,"hostname":"h","msg":"Server listening at http://127.0.0.1:3000"}',
      pinoRequest('req-1', 'http://www.example.com/'),
      pinoRequest('req-2', '/'),
      pinoAnswer('req-2', 200),
      pinoAnswer('req-1', 404),
      pinoRequest('req-1', 'http://www.example.org/'),
      pinoRequest('req-1', '/'),
      '{"level":30,"time":1793959200000,"pid":1,"hostname":"h","req":{"id":7,"method":"GET","url":"http://judge.example.com/","headers":{"host":"www.example.net"},"remoteAddress":"::ffff:192.0.2.9","remotePort":4},"res":{"statusCode":403,"headers":{"content-length":"9"}},"responseTime":5,"msg":"request completed"}',
    ],
    probes: [
      'absolute http://www.example.com/ refused 192.0.2.7',
      'absolute http://www.example.org/ unclear 192.0.2.7',
      'absolute http://judge.example.com/ refused ::ffff:192.0.2.9',
    ],
    requests: 5,
  },
  {
    format: 'morgan dev, tiny or short (Express)',
    lines: [
      '\x1b[0mGET / \x1b[32m200\x1b[0m 3.2 ms - 5120\x1b[0m',
      'GET /gone - - ms - -',
      'GET http://www.example.com/ 404 196 - 3.2 ms',
      '192.0.2.7 - CONNECT mail.example.com:25 HTTP/1.1 405 312 - 0.3 ms',
    ],
    probes: ['absolute http://www.example.com/ refused ', 'connect mail.example.com:25 refused 192.0.2.7'],
    requests: 4,
  },
  {
    format: 'werkzeug (Flask), http.server',
    lines: [
      'INFO:werkzeug:192.0.2.8 - - [10/Nov/2026 10:00:00] "GET / HTTP/1.1" 200 -',
      '192.0.2.7 - - [10/Nov/2026 10:00:01] "\x1b[33mGET http://www.example.com/ HTTP/1.1\x1b[0m" 404 -',
      '2026-11-10 10:00:02,123 - werkzeug - INFO - 192.0.2.7 - - [10/Nov/2026 10:00:02] "CONNECT mail.example.com:25 HTTP/1.1" 405 -',
    ],
    probes: [
      'absolute http://www.example.com/ refused 192.0.2.7',
      'connect mail.example.com:25 refused 192.0.2.7',
    ],
    requests: 3,
  },
  {
    format: 'uWSGI',
    lines: [
      uwsgi('GET /', 200, 5120),
      uwsgi('GET http://www.example.com/', 404, 196),
      uwsgi('CONNECT mail.example.com:25', 405, 312),
    ],
    probes: [
      'absolute http://www.example.com/ refused 192.0.2.7',
      'connect mail.example.com:25 refused 192.0.2.7',
    ],
    requests: 3,
  },
  {
    format: 'uvicorn (FastAPI, Starlette)',
    lines: [
      'INFO:     192.0.2.8:4000 - "GET / HTTP/1.1" 200 OK',
      'INFO:     192.0.2.7:4000 - "GET http://www.example.com/ HTTP/1.1" 404 Not Found',
    ],
    probes: ['absolute http://www.example.com/ refused 192.0.2.7'],
    requests: 2,
  },
  {
    format: 'squid common or combined',
    lines: [
      `${clf('GET http://www.example.com/ HTTP/1.1', '200 1256')}${combinedTail} TCP_MISS:HIER_DIRECT`,
      `${clf('CONNECT www.example.com:443 HTTP/1.1', '403 3500')} TCP_DENIED:HIER_NONE`,
    ],
    probes: [
      'absolute http://www.example.com/ likely-relayed 192.0.2.7',
      'connect www.example.com:443 refused 192.0.2.7',
    ],
  },
  {
    // Commands for WinGate and telnet proxies, among ordinary broken lines.
    format: /combined/,
    lines: [
      clf('open 198.51.100.203 80', '400 506'),
      clf('telnet mx.example.com 25', '400 506'),
      clf('198.51.100.203:8080', '400 301'),
      clf('open sesame', '400 301'),
      clf('1.2.3.4', '400 301'),
      clf('GET /open 80 HTTP/1.1', '404 301'),
    ],
    probes: [
      'telnet 198.51.100.203:80 refused 192.0.2.7',
      'telnet mx.example.com:25 refused 192.0.2.7',
      'telnet 198.51.100.203:8080 refused 192.0.2.7',
    ],
  },
];
