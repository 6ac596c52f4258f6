/** The outcome of a probe, judged by the other lines of the log. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scannedText } from './scanned.ts';

let second = 0;
const line = (
  request: string,
  status: number,
  bytes: number | '-',
  referer = '-',
  client = '192.0.2.7',
): string => {
  second++;
  const time = new Date(Date.UTC(2024, 9, 10) + second * 1000).toISOString().slice(11, 19);
  return `${client} - - [10/Oct/2024:${time} +0000] "${request} HTTP/1.1" ${status} ${bytes} "${referer}" "Mozilla/5.0"\n`;
};
const visitors = (size: number, count = 10): string => line('GET /', 200, size).repeat(count);

async function outcomeOf(text: string): Promise<string[]> {
  const { findings } = await scannedText(text);
  return findings.map((f) => `${f.outcome} ${f.confidence}`);
}

const rows: readonly {
  readonly what: string;
  readonly log: () => string;
  readonly outcomes: readonly string[];
}[] = [
  {
    what: 'the size of the own front page',
    log: () => visitors(2890) + line('GET http://www.example.com/', 200, 2890),
    outcomes: ['local high'],
  },
  {
    what: 'the own front page give or take headers, in a log that counts headers',
    log: () =>
      visitors(2890) + line('GET /style.css', 304, 180) + line('GET http://www.example.com/', 200, 2921),
    outcomes: ['local medium'],
  },
  {
    what: 'the same difference from the front page, in a log that counts only bodies',
    log: () =>
      visitors(2890) + line('GET /style.css', 304, '-') + line('GET http://www.example.com/', 200, 2921),
    outcomes: ['unclear low'],
  },
  {
    what: 'two sizes of one front page, compressed and plain',
    log: () =>
      visitors(9000) +
      visitors(2100) +
      line('GET http://a.example/', 200, 9000) +
      line('GET http://b.example/', 200, 2100),
    outcomes: ['local high', 'local high'],
  },
  {
    what: 'the size of the own page at the same path',
    log: () =>
      visitors(2890) +
      line('GET /shop/list?page=2', 200, 7411) +
      line('GET http://www.example.com/shop/list', 200, 7411),
    outcomes: ['local high'],
  },
  {
    what: 'the fallback page for unknown paths',
    log: () =>
      visitors(5000) +
      ['a', 'b', 'c', 'd', 'e'].map((path) => line(`GET /${path}`, 200, 1234)).join('') +
      line('GET http://www.example.com/azenv.php', 200, 1234),
    outcomes: ['local medium'],
  },
  {
    what: 'the same answer for unrelated hosts',
    log: () => line('GET http://www.yahoo.com/', 200, 2890) + line('GET http://www.ebay.com/', 200, 2890),
    outcomes: ['local medium', 'local medium'],
  },
  {
    what: 'CONNECT answered with the front page',
    log: () => visitors(16_543) + line('CONNECT example.com:25', 200, 16_543),
    outcomes: ['local high'],
  },
  {
    what: 'CONNECT answered with anything but 2xx',
    log: () => [405, 301, 400, 500].map((status) => line('CONNECT example.com:443', status, 300)).join(''),
    outcomes: ['refused high', 'refused high', 'refused high', 'refused medium'],
  },
  {
    what: 'CONNECT answered 200 without anything to compare',
    log: () => line('CONNECT example.com:443', 200, 0) + line('CONNECT example.com:443', 200, 4000),
    outcomes: ['unclear low', 'unclear low'],
  },
  {
    what: 'a proxy that tried and failed',
    log: () =>
      visitors(2890) +
      line('GET http://www.example.com/', 502, 400) +
      line('CONNECT example.com:25', 503, 400),
    outcomes: ['attempted medium', 'attempted medium'],
  },
  {
    what: 'HEAD, and answers without bytes',
    log: () =>
      visitors(2890) +
      line('HEAD http://www.example.com/', 200, 0) +
      line('GET http://www.example.com/', 200, 0),
    outcomes: ['unclear low', 'unclear low'],
  },
  {
    what: 'HEAD in a log that counts header bytes: like own HEADs, give or take a Connection header',
    log: () =>
      line('HEAD /', 200, 274) +
      line('HEAD http://www.example.com/', 200, 274) +
      line('HEAD http://www.example.com/', 200, 311) +
      line('HEAD http://www.example.com/other', 200, 274) +
      line('HEAD http://www.example.org/', 200, 420),
    outcomes: ['local medium', 'local medium', 'local medium', 'unclear low'],
  },
  {
    what: 'one size for three unrelated hosts with different paths',
    log: () =>
      line('GET http://a.example/', 200, 1291) +
      line('GET http://b.example/some', 200, 1291) +
      line('GET http://c.example/other/path', 200, 1291),
    outcomes: ['local medium', 'local medium', 'local medium'],
  },
  {
    what: 'one size for two unrelated hosts with different paths, and 43-byte pixels',
    log: () =>
      line('GET http://a.example/', 200, 1291) +
      line('GET http://b.example/some', 200, 1291) +
      ['d', 'e', 'f'].map((host) => line(`GET http://${host}.example/${host}.gif`, 200, 43)).join(''),
    outcomes: ['unclear low', 'unclear low', 'unclear low', 'unclear low', 'unclear low'],
  },
  {
    what: 'one foreign page of unknown size: too little to compare',
    log: () => line('GET http://www.example.com/', 200, 8123),
    outcomes: ['unclear low'],
  },
  {
    what: 'many foreign pages in many sizes, none of them own',
    log: () =>
      visitors(2890) +
      line('GET /nothing', 404, 196) +
      [
        ['a', 4100],
        ['b', 15_300],
        ['c', 880],
      ]
        .map(([host, size]) => line(`GET http://${host}.example.com/x${host}`, 200, Number(size)))
        .join(''),
    outcomes: ['likely-relayed high', 'likely-relayed high', 'likely-relayed high'],
  },
  {
    what: 'redirected like the own pages',
    log: () => line('GET /', 302, 488) + line('GET http://example.com/azenv.php', 302, 509),
    outcomes: ['local high'],
  },
  {
    what: 'a 404 like those of own missing pages',
    log: () => line('GET /nothing', 404, 437) + line('GET http://example.com/azenv.php', 404, 445),
    outcomes: ['refused high'],
  },
];

for (const { what, log, outcomes } of rows) {
  test(what, async () => {
    assert.deepEqual(await outcomeOf(log()), outcomes);
  });
}

test('a referer on the same foreign site means that someone browsed through the server', async () => {
  const { findings } = await scannedText(
    visitors(2890) +
      line('GET /nothing', 404, 196) +
      line('GET http://news.example.com/story', 200, 30_120, 'http://news.example.com/'),
  );
  assert.equal(findings[0]!.outcome, 'likely-relayed');
  assert.match(findings[0]!.why, /came from another page of example\.com/);
});

test('absolute-form for own names, declared or learned, and for their subdomains is no probe', async () => {
  const own =
    line('GET http://www.example.net/', 200, 10) + line('HEAD http://mail.www.example.net:80/x', 404, 0);
  const declared = await scannedText(own, { hosts: ['www.example.net'] });
  assert.equal(declared.findings.length, 0);
  assert.equal(declared.ownAbsolute, 2);
  const styled = line('GET /s.css', 200, 99, 'http://www.example.net/').repeat(5);
  const learned = await scannedText(styled + own);
  assert.equal(learned.findings.length, 0);
  assert.deepEqual(
    learned.learned.map(({ name }) => name),
    ['www.example.net'],
  );
});

test('search engines in referers are not taken for own names', async () => {
  const { learned, findings } = await scannedText(
    line('GET /a.png', 200, 10, 'https://www.google.com/').repeat(50) +
      line('GET http://www.google.com/', 404, 10),
  );
  assert.deepEqual(learned, []);
  assert.equal(findings.length, 1);
});

test('targets that lenient parsers complete to a URL are probes; other scanner noise is not', async () => {
  const text = [
    'GET http:/10.0.0.1/',
    'GET @evil.example/x',
    'GET www.example.com:443',
    'GET @ADMINconfig.php',
    'GET cgi-bin/x',
    'OPTIONS *',
    'TRACE /',
  ]
    .map((request) => line(request, 400, 10))
    .join('');
  const { findings } = await scannedText(text);
  assert.deepEqual(
    findings.map((f) => [f.line, f.rule]),
    [1, 2, 3].map((n) => [n, 'target-malformed']),
  );
  const all = await scannedText(text, { all: true });
  assert.deepEqual(
    all.findings.map((f) => f.technique),
    ['malformed', 'malformed', 'malformed', 'trace'],
  );
});

test('a foreign Host is a probe if it is logged and own names are declared', async () => {
  const json = (host: string): string =>
    `${JSON.stringify({ time_iso8601: '2024-10-10T00:00:00+00:00', remote_addr: '192.0.2.7', http_host: host, request: 'GET / HTTP/1.1', status: 403, body_bytes_sent: 10 })}\n`;
  const { findings } = await scannedText(json('www.example.net') + json('evil.example'), {
    hosts: ['www.example.net'],
  });
  assert.deepEqual(
    findings.map((f) => [f.line, f.rule, f.technique]),
    [[2, 'host-foreign', 'host']],
  );
});
