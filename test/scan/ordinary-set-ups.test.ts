/** Set-ups that are no relay although their logs look like one, and the relays that their logs would hide. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogScan } from '../../src/scan/log-scan.ts';
import { Review } from '../../src/scan/review.ts';
import { scannedText } from './scanned.ts';

const clf = (request: string, rest: string, client = '192.0.2.7'): string =>
  `${client} - - [10/Nov/2026:10:00:00 +0000] "${request} HTTP/1.1" ${rest}\n`;
const told = async (text: string, hosts: readonly string[] = []): Promise<string[]> =>
  (await scannedText(text, { hosts })).findings.map((f) => `${f.technique} ${f.target} ${f.outcome}`);

test('Traefik: the server of ordinary requests is own, and so is one of the own network', async () => {
  const tail = (server: string): string => `200 5120 "-" "curl/8" 7 "web@docker" "http://${server}" 5ms`;
  const foreign = clf('GET http://www.example.com/', tail('203.0.113.5:80'));
  const ordinary = clf('GET /', tail('203.0.113.5:80'), '192.0.2.8').repeat(3);
  assert.deepEqual(await told(ordinary + foreign), ['absolute http://www.example.com/ local']);
  assert.deepEqual(await told(clf('GET http://www.example.com/', tail('10.0.0.5:80'))), [
    'absolute http://www.example.com/ local',
  ]);
  // A server that no ordinary request went to, outside the own network.
  assert.deepEqual(await told(foreign), ['absolute http://www.example.com/ likely-relayed']);
});

const squid = (client: string, result: string, method: string, url: string, peer: string): string =>
  `1793959200.001      2 ${client} ${result} 377 ${method} ${url} - ${peer} text/html\n`;

test('squid as an accelerator: what its parent in the own network serves is own', async () => {
  const own = ['/', '/index.html', '/y.css'].map((path) =>
    squid('198.51.100.1', 'TCP_MISS/200', 'GET', `http://own.example${path}`, 'FIRSTUP_PARENT/127.0.0.1'),
  );
  const hit = squid('198.51.100.2', 'TCP_MEM_HIT/200', 'GET', 'http://own.example/', 'HIER_NONE/-');
  const { findings, learned, ownAbsolute } = await scannedText(own.join('') + hit);
  assert.deepEqual(findings, []);
  assert.equal(ownAbsolute, 4);
  assert.match(learned[0]!.from, /a server of your own network/);
  const denied = squid('192.0.2.7', 'TCP_DENIED/403', 'GET', 'http://www.example.com/', 'HIER_NONE/-');
  const tunnel = squid(
    '192.0.2.7',
    'TCP_TUNNEL/200',
    'CONNECT',
    'www.example.com:443',
    'HIER_DIRECT/203.0.113.9',
  );
  assert.deepEqual(await told(own.join('') + denied), ['absolute http://www.example.com/ refused']);
  // Where pages are fetched from elsewhere too, the parent may be one more proxy.
  assert.deepEqual(await told(own[0]! + tunnel), [
    'absolute http://own.example/ unclear',
    'connect www.example.com:443 likely-relayed',
  ]);
});

test('a parent in the own network that serves more sites than an accelerator has may be one more proxy', async () => {
  const pages = Array.from({ length: 12 }, (_, i) =>
    squid('198.51.100.1', 'TCP_MISS/200', 'GET', `http://www.site${i}.example/`, 'DEFAULT_PARENT/127.0.0.1'),
  );
  assert.deepEqual(
    (await told(pages.join(''))).map((one) => one.split(' ').at(-1)),
    pages.map(() => 'unclear'),
  );
});

test('what an open squid had in its cache makes no host own', async () => {
  const direct = squid(
    '192.0.2.7',
    'TCP_MISS/200',
    'GET',
    'http://www.example.com/a',
    'HIER_DIRECT/203.0.113.9',
  );
  const hit = squid('192.0.2.7', 'TCP_MEM_HIT/200', 'GET', 'http://www.example.com/', 'HIER_NONE/-');
  assert.deepEqual(await told(direct + hit.repeat(4)), [
    'absolute http://www.example.com/a likely-relayed',
    ...Array.from({ length: 4 }, () => 'absolute http://www.example.com/ likely-relayed'),
  ]);
});

test('squid through a parent that is a proxy relays', async () => {
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
  assert.deepEqual(await told(tunnel + page), [
    'connect www.example.com:443 likely-relayed',
    'absolute http://www.example.com/ likely-relayed',
  ]);
});

test('squid for a LAN: its private clients are whom it is for, a public one is not, and Docker hides all', async () => {
  const through = (client: string): string =>
    squid(client, 'TCP_TUNNEL/200', 'CONNECT', 'www.example.com:443', 'HIER_DIRECT/203.0.113.9');
  const lan = through('192.168.5.1') + through('10.1.2.3') + through('192.168.5.9');
  const { findings, ownClients } = await scannedText(lan);
  assert.deepEqual([findings.length, ownClients], [0, 3]);
  assert.deepEqual(await told(lan + through('198.51.100.7')), ['connect www.example.com:443 likely-relayed']);
  assert.deepEqual(await told(lan + through('172.17.0.1')), ['connect www.example.com:443 unclear']);
});

const varnish = (i: number, host: string, path: string): string =>
  clf(`GET http://${host}${path}`, `200 ${500 + 37 * i} "-" "Mozilla/5.0"`, `198.51.100.${i % 9}`);

test('varnishncsa writes every line as a URL: the names of most lines are own', async () => {
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

test('names that a followed log gave away hold for the lines that come later', () => {
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

test('a log that is all URLs of some sites: customers or pages that were relayed, which is asked', async () => {
  const pages = Array.from({ length: 30 }, (_, i) =>
    varnish(7 * i, `www.site${i % 5}.example`, `/${i}`),
  ).join('');
  const { findings, asked } = await scannedText(pages);
  assert.deepEqual([...new Set(findings.map((f) => f.outcome))], ['unclear']);
  assert.equal(asked.get('www.site3.example'), 6);
  assert.match(findings[0]!.why, /Is www\.site0\.example yours\? --host/);
  const told = await scannedText(pages, { hosts: ['site1.example'] });
  assert.equal(told.findings.filter((f) => f.outcome === 'likely-relayed').length, 24);
});

test('a log that is all URLs of many sites is a relay', async () => {
  const pages = Array.from({ length: 60 }, (_, i) =>
    varnish(7 * i, `www.site${i % 20}.example`, `/${i}`),
  ).join('');
  const { findings } = await scannedText(pages);
  assert.equal(findings.filter((f) => f.outcome === 'likely-relayed').length, 60);
});

test('a log with pages of its own beside the URLs is judged by them', async () => {
  const own = clf('GET /', '200 20').repeat(5);
  const pages = Array.from({ length: 30 }, (_, i) =>
    varnish(7 * i, `www.site${i % 2}.example`, `/${i}`),
  ).join('');
  const { findings } = await scannedText(pages + own + pages);
  assert.equal(findings.filter((f) => f.outcome === 'likely-relayed').length, 60);
});

test('CloudFront: the Host is x-host-header, not the name of the distribution', async () => {
  const line = (host: string): string =>
    `2026-11-10\t10:00:00\tFRA2\t5120\t192.0.2.7\tGET\td1.cloudfront.net\t/\t200\t-\tcurl\t-\t-\tMiss\tx\t${host}\thttp\t100\t0.1\n`;
  assert.deepEqual(await told(line('www.own.example').repeat(3), ['www.own.example']), []);
  assert.deepEqual(await told(line('www.example.com'), ['www.own.example']), ['host www.example.com/ local']);
});

test('HAProxy that names its own backend has not tried to reach anybody else', async () => {
  const line = (server: string, status: number, request: string): string =>
    `Nov 10 10:00:00 lb haproxy[12]: 192.0.2.7:33319 [10/Nov/2026:10:00:00.001] http-in ${server} 1/0/3/-1/10 ${status} 2750 - - SH-- 1/1/0/0/0 0/0 "${request} HTTP/1.1"\n`;
  for (const status of [502, 503, 504]) {
    assert.deepEqual(await told(line('static/srv1', status, 'GET http://www.example.com/')), [
      'absolute http://www.example.com/ local',
    ]);
  }
  assert.deepEqual(
    await told(
      line('static/srv1', 200, 'GET /').repeat(2) + line('static/srv1', 502, 'GET http://www.example.com/'),
    ),
    ['absolute http://www.example.com/ local'],
  );
});

test('a server that says 502 to a probe, without a word of where it went, has tried', async () => {
  assert.deepEqual(await told(clf('GET /', '200 512') + clf('GET http://www.example.com/', '502 150')), [
    'absolute http://www.example.com/ attempted',
  ]);
});

test('pages that are asked for in absolute-form by their own name are pages to compare with', async () => {
  const own = clf('GET http://www.own.example/page', '200 7311').repeat(2);
  assert.deepEqual(
    await told(own + clf('GET http://www.example.com/page', '200 7311'), ['www.own.example']),
    ['absolute http://www.example.com/page local'],
  );
});
