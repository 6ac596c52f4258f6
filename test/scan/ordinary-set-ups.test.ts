/** Set-ups that do not relay although their logs look like it, and relays that such logs could hide. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogScan } from '../../src/scan/log-scan.ts';
import { Review } from '../../src/scan/review.ts';
import { scannedText } from './scanned.ts';

const clf = (request: string, rest: string, client = '192.0.2.7'): string =>
  `${client} - - [10/Nov/2026:10:00:00 +0000] "${request} HTTP/1.1" ${rest}\n`;
const outcomesOf = async (text: string, hosts: readonly string[] = []): Promise<string[]> =>
  (await scannedText(text, { hosts })).findings.map((f) => `${f.technique} ${f.target} ${f.outcome}`);

test('Traefik: an upstream of ordinary requests is own, and so is one in the own network', async () => {
  const tail = (server: string): string => `200 5120 "-" "curl/8" 7 "web@docker" "http://${server}" 5ms`;
  const foreign = clf('GET http://www.example.com/', tail('203.0.113.5:80'));
  const ordinary = clf('GET /', tail('203.0.113.5:80'), '192.0.2.8').repeat(3);
  assert.deepEqual(await outcomesOf(ordinary + foreign), ['absolute http://www.example.com/ local']);
  assert.deepEqual(await outcomesOf(clf('GET http://www.example.com/', tail('10.0.0.5:80'))), [
    'absolute http://www.example.com/ local',
  ]);
  // A public upstream that gets no ordinary requests.
  assert.deepEqual(await outcomesOf(foreign), ['absolute http://www.example.com/ likely-relayed']);
});

const squid = (client: string, result: string, method: string, url: string, peer: string): string =>
  `1793959200.001      2 ${client} ${result} 377 ${method} ${url} - ${peer} text/html\n`;

test('squid as an accelerator: hosts served by its parent in the own network are own', async () => {
  const own = ['/', '/index.html', '/y.css'].map((path) =>
    squid('198.51.100.1', 'TCP_MISS/200', 'GET', `http://own.example${path}`, 'FIRSTUP_PARENT/127.0.0.1'),
  );
  const hit = squid('198.51.100.2', 'TCP_MEM_HIT/200', 'GET', 'http://own.example/', 'HIER_NONE/-');
  const { findings, learned, ownAbsolute } = await scannedText(own.join('') + hit);
  assert.deepEqual(findings, []);
  assert.equal(ownAbsolute, 4);
  assert.match(learned[0]!.from, /a server in your own network/);
  const denied = squid('192.0.2.7', 'TCP_DENIED/403', 'GET', 'http://www.example.com/', 'HIER_NONE/-');
  const tunnel = squid(
    '192.0.2.7',
    'TCP_TUNNEL/200',
    'CONNECT',
    'www.example.com:443',
    'HIER_DIRECT/203.0.113.9',
  );
  assert.deepEqual(await outcomesOf(own.join('') + denied), ['absolute http://www.example.com/ refused']);
  // If pages also come from elsewhere, the parent may be another proxy.
  assert.deepEqual(await outcomesOf(own[0]! + tunnel), [
    'absolute http://own.example/ unclear',
    'connect www.example.com:443 likely-relayed',
  ]);
});

test('squid: a parent in the own network with more sites than an accelerator serves may be another proxy', async () => {
  const pages = Array.from({ length: 12 }, (_, i) =>
    squid('198.51.100.1', 'TCP_MISS/200', 'GET', `http://www.site${i}.example/`, 'DEFAULT_PARENT/127.0.0.1'),
  );
  assert.deepEqual(
    (await outcomesOf(pages.join(''))).map((one) => one.split(' ').at(-1)),
    pages.map(() => 'unclear'),
  );
});

test('squid: cache hits of an open proxy do not make a host own', async () => {
  const direct = squid(
    '192.0.2.7',
    'TCP_MISS/200',
    'GET',
    'http://www.example.com/a',
    'HIER_DIRECT/203.0.113.9',
  );
  const hit = squid('192.0.2.7', 'TCP_MEM_HIT/200', 'GET', 'http://www.example.com/', 'HIER_NONE/-');
  assert.deepEqual(await outcomesOf(direct + hit.repeat(4)), [
    'absolute http://www.example.com/a likely-relayed',
    ...Array.from({ length: 4 }, () => 'absolute http://www.example.com/ likely-relayed'),
  ]);
});

test('squid: a parent that is a proxy relays', async () => {
  const tunnel = squid(
    '192.0.2.7',
    'TCP_TUNNEL/200',
    'CONNECT',
    'www.example.com:443',
    'FIRSTUP_PARENT/10.0.0.1',
  );
  const page = squid(
    '192.0.2.7',
    'TCP_MISS/200',
    'GET',
    'http://www.example.com/',
    'FIRSTUP_PARENT/203.0.113.1',
  );
  assert.deepEqual(await outcomesOf(tunnel + page), [
    'connect www.example.com:443 likely-relayed',
    'absolute http://www.example.com/ likely-relayed',
  ]);
});

test('squid for a LAN: private clients are ordinary, a public client is relayed, a Docker gateway is unclear', async () => {
  const through = (client: string): string =>
    squid(client, 'TCP_TUNNEL/200', 'CONNECT', 'www.example.com:443', 'HIER_DIRECT/203.0.113.9');
  const lan = through('192.168.5.1') + through('10.1.2.3') + through('192.168.5.9');
  const { findings, ownClients } = await scannedText(lan);
  assert.deepEqual([findings.length, ownClients], [0, 3]);
  assert.deepEqual(await outcomesOf(lan + through('198.51.100.7')), [
    'connect www.example.com:443 likely-relayed',
  ]);
  assert.deepEqual(await outcomesOf(lan + through('172.17.0.1')), ['connect www.example.com:443 unclear']);
});

const varnish = (i: number, host: string, path: string): string =>
  clf(`GET http://${host}${path}`, `200 ${500 + 37 * i} "-" "Mozilla/5.0"`, `198.51.100.${i % 9}`);

test('varnishncsa logs every request as a URL: the most frequent names are own', async () => {
  const own = Array.from({ length: 30 }, (_, i) =>
    varnish(i, i % 3 === 0 ? 'shop.own.example' : 'www.own.example', `/${i % 7}`),
  ).join('');
  const probes =
    clf('GET http://www.example.com/', '421 282 "-" "curl/8"') +
    clf('GET http://localhost/', '200 500 "-" "-"').repeat(3) +
    clf('CONNECT http://mx.example.com:25mx.example.com:25', '- - "-" "-"');
  const other = Array.from({ length: 9 }, (_, i) => varnish(i, 'www.other.example', `/${i % 7}`)).join('');
  const { findings, learned } = await scannedText(own + other + probes);
  assert.deepEqual(
    findings.map((f) => `${f.technique} ${f.target} ${f.outcome} ${f.intent}`),
    [
      'absolute http://www.example.com/ refused web',
      'connect http://mx.example.com:25mx.example.com:25 unclear mail-relay',
    ],
  );
  assert.deepEqual(learned.map(({ name }) => name).sort(), [
    'localhost',
    'shop.own.example',
    'www.other.example',
    'www.own.example',
  ]);
});

test('names learned from a followed log apply to later lines', () => {
  const found: string[] = [];
  const review = new Review({
    hosts: [],
    ports: null,
    all: false,
    onFinding: ({ target, outcome }) => found.push(`${target} ${outcome}`),
  });
  const scan = new LogScan({
    format: null,
    now: Date.UTC(2026, 11, 1),
    all: false,
    clients: false,
    hosts: false,
    baseline: review.baseline,
    onCandidate: (candidate) => review.add('access.log', candidate),
  });
  const write = (text: string): void => {
    scan.push(Buffer.from(text));
    scan.settle();
    review.flush();
  };
  write(Array.from({ length: 30 }, (_, i) => varnish(i, 'www.own.example', `/${i % 7}`)).join(''));
  write(varnish(31, 'www.own.example', '/late'));
  write(clf('GET http://www.example.com/', '421 282 "-" "curl/8"'));
  assert.deepEqual(found, ['http://www.example.com/ refused']);
});

test('a log of only URLs of a few sites, customers or relayed pages: the operator is asked', async () => {
  const pages = Array.from({ length: 30 }, (_, i) =>
    varnish(7 * i, `www.site${i % 5}.example`, `/${i}`),
  ).join('');
  const { findings, asked } = await scannedText(pages);
  assert.deepEqual([...new Set(findings.map((f) => f.outcome))], ['unclear']);
  assert.equal(asked.get('www.site3.example'), 6);
  assert.match(findings[0]!.why, /Is www\.site0\.example yours\? Then give --host/);
  const declared = await scannedText(pages, { hosts: ['site1.example'] });
  assert.equal(declared.findings.filter((f) => f.outcome === 'likely-relayed').length, 24);
});

test('a log of only URLs of many sites is the log of a relay', async () => {
  const pages = Array.from({ length: 60 }, (_, i) =>
    varnish(7 * i, `www.site${i % 20}.example`, `/${i}`),
  ).join('');
  const { findings } = await scannedText(pages);
  assert.equal(findings.filter((f) => f.outcome === 'likely-relayed').length, 60);
});

test('URLs in a log that also has origin-form requests are compared with its own pages', async () => {
  const own = clf('GET /', '200 20').repeat(5);
  const pages = Array.from({ length: 30 }, (_, i) =>
    varnish(7 * i, `www.site${i % 2}.example`, `/${i}`),
  ).join('');
  const { findings } = await scannedText(pages + own + pages);
  assert.equal(findings.filter((f) => f.outcome === 'likely-relayed').length, 60);
});

test('CloudFront: the Host is in x-host-header, not the name of the distribution', async () => {
  const line = (host: string): string =>
    `2026-11-10\t10:00:00\tFRA2\t5120\t192.0.2.7\tGET\td1.cloudfront.net\t/\t200\t-\tcurl\t-\t-\tMiss\tx\t${host}\thttp\t100\t0.1\n`;
  assert.deepEqual(await outcomesOf(line('www.own.example').repeat(3), ['www.own.example']), []);
  assert.deepEqual(await outcomesOf(line('www.example.com'), ['www.own.example']), [
    'host www.example.com/ local',
  ]);
});

const haproxy = (server: string, status: number, request: string, bytes = 2750): string =>
  `Nov 10 10:00:00 lb haproxy[12]: 192.0.2.7:33319 [10/Nov/2026:10:00:00.001] http-in ${server} 1/0/3/-1/10 ${status} ${bytes} - - SH-- 1/1/0/0/0 0/0 "${request} HTTP/1.1"\n`;

test('HAProxy with set-dst names one server for every host, so foreign pages through it are likely-relayed', async () => {
  const own = haproxy('any/any', 200, 'GET /').repeat(3);
  const pages = [900, 3000, 5000, 9000, 20_000, 40_000].map((bytes, i) =>
    haproxy('any/any', 200, `GET http://www.site${i}.example/${i}`, bytes),
  );
  assert.deepEqual(
    (await outcomesOf(own + pages.join(''))).map((one) => one.split(' ').at(-1)),
    pages.map(() => 'likely-relayed'),
  );
  assert.deepEqual(await outcomesOf(own + haproxy('any/any', 200, 'GET http://www.example.com/')), [
    'absolute http://www.example.com/ local',
  ]);
});

test('HAProxy: an error of a configured backend is no attempt to relay', async () => {
  for (const status of [502, 503, 504]) {
    assert.deepEqual(await outcomesOf(haproxy('static/srv1', status, 'GET http://www.example.com/')), [
      'absolute http://www.example.com/ local',
    ]);
  }
  assert.deepEqual(
    await outcomesOf(
      haproxy('static/srv1', 200, 'GET /').repeat(2) +
        haproxy('static/srv1', 502, 'GET http://www.example.com/'),
    ),
    ['absolute http://www.example.com/ local'],
  );
});

test('502 to a probe without a logged upstream is an attempt', async () => {
  assert.deepEqual(
    await outcomesOf(clf('GET /', '200 512') + clf('GET http://www.example.com/', '502 150')),
    ['absolute http://www.example.com/ attempted'],
  );
});

test('own pages requested in absolute-form join the baseline', async () => {
  const own = clf('GET http://www.own.example/page', '200 7311').repeat(2);
  assert.deepEqual(
    await outcomesOf(own + clf('GET http://www.example.com/page', '200 7311'), ['www.own.example']),
    ['absolute http://www.example.com/page local'],
  );
});
