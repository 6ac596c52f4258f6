import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { PrefixList } from '../../src/bans/prefix-list.ts';
import { foreign, type RunningCheckpoint, runCheckpoint, token } from '../support/checkpoint.ts';
import { exchange } from '../support/raw-client.ts';
import { recordingBackend } from '../support/recording-backend.ts';

interface Page {
  readonly events: readonly Record<string, unknown>[];
  readonly next: string | null;
}

const bearer = { authorization: `Bearer ${token}` };

/** Logs in like a browser: posts the token, keeps the cookie. */
async function login({ admin }: RunningCheckpoint): Promise<{ cookie: string; csrf: string }> {
  const response = await fetch(`${admin}/session`, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ token }),
  });
  assert.equal(response.status, 303);
  const cookie = response.headers.get('set-cookie')!.split(';', 1)[0]!;
  const { csrf } = (await (await fetch(`${admin}/api/session`, { headers: { cookie } })).json()) as {
    csrf: string;
  };
  return { cookie, csrf };
}

suite('without a token', () => {
  test('every path except the health checks answers 401 and reveals nothing', async (t) => {
    const { admin } = await runCheckpoint(t);
    const api = (await (await fetch(`${admin}/api/openapi.json`, { headers: bearer })).json()) as {
      paths: object;
    };
    const paths = [
      ...Object.keys(api.paths).filter((path) => !/^\/(?:healthz|readyz)$/.test(path)),
      '/',
      '/index.html',
      '/mark.svg',
      '/assets/x.js',
      '/nothing',
      '/api',
      '/api/session',
      '/%zz',
      '//healthz',
      '/healthz/',
      '/healthz/../api/events',
      '/api/openapi.json',
    ];
    for (const path of paths) {
      for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
        if (method === 'POST' && path === '/session') continue;
        const { text } = await exchange(
          Number(new URL(admin).port),
          `${method} ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
        );
        assert.match(text, /^HTTP\/1\.1 401 /, `${method} ${path}\n${text}`);
        assert.ok(text.endsWith('{"error":"a token is needed"}'), text);
      }
    }
    assert.equal((await fetch(`${admin}/healthz`)).status, 200);
    assert.equal((await fetch(`${admin}/readyz`)).status, 200);
  });

  test('a browser gets the login page, also as 401, which loads nothing else', async (t) => {
    const { admin } = await runCheckpoint(t);
    const response = await fetch(`${admin}/`, { headers: { accept: 'text/html' } });
    assert.equal(response.status, 401);
    const html = await response.text();
    assert.match(html, /<form method="post" action="\/session">/);
    assert.ok(!/<script|src=|href=|url\(/.test(html));
    assert.match(
      response.headers.get('content-security-policy')!,
      /^default-src 'none'; style-src 'sha256-[^']+';/,
    );
  });

  test('a wrong token opens no session', async (t) => {
    const { admin } = await runCheckpoint(t);
    const tries: RequestInit[] = [
      { body: new URLSearchParams({ token: 'wrong' }) },
      { body: new URLSearchParams() },
      { body: JSON.stringify({ token: [token] }), headers: { 'content-type': 'application/json' } },
      { body: JSON.stringify({ token: { length: 28 } }), headers: { 'content-type': 'application/json' } },
      { body: 'null', headers: { 'content-type': 'application/json' } },
      // Login CSRF: another site must not log a browser in.
      { body: new URLSearchParams({ token }), headers: { 'sec-fetch-site': 'cross-site' } },
    ];
    for (const init of tries) {
      const response = await fetch(`${admin}/session`, { method: 'POST', redirect: 'manual', ...init });
      assert.equal(response.status, 401);
      assert.equal(response.headers.get('set-cookie'), null);
    }
  });

  test('/readyz is 200 only while requests are accepted', async (t) => {
    const { admin, control } = await runCheckpoint(t);
    control.setReady(false);
    assert.equal((await fetch(`${admin}/readyz`)).status, 503);
    assert.equal((await fetch(`${admin}/healthz`)).status, 200);
  });
});

suite('a session', () => {
  test('reads with its cookie, changes only with the CSRF header, and ends', async (t) => {
    const checkpoint = await runCheckpoint(t);
    const { admin } = checkpoint;
    const { cookie, csrf } = await login(checkpoint);
    const get = await fetch(`${admin}/api/events`, { headers: { cookie } });
    assert.equal(get.status, 200);
    const ban = (headers: Record<string, string>) =>
      fetch(`${admin}/api/bans`, {
        method: 'POST',
        headers: { cookie, 'content-type': 'application/json', ...headers },
        body: '{"prefix":"203.0.113.9"}',
      });
    assert.equal((await ban({})).status, 403);
    assert.equal((await ban({ 'x-sekisho-csrf': 'guess' })).status, 403);
    // A page on another port of this host: the browser sends the cookie, and Sec-Fetch-Site.
    const foreign = { 'x-sekisho-csrf': csrf, 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors' };
    assert.equal((await ban(foreign)).status, 401);
    assert.equal(((await checkpoint.json('/api/bans')) as { total: number }).total, 0);
    assert.equal((await ban({ 'x-sekisho-csrf': csrf })).status, 201);
    const out = { method: 'DELETE', headers: { cookie, 'x-sekisho-csrf': csrf } };
    assert.equal((await fetch(`${admin}/session`, out)).status, 204);
    assert.equal((await fetch(`${admin}/api/events`, { headers: { cookie } })).status, 401);
  });

  test('no other origin may read', async (t) => {
    const { admin } = await runCheckpoint(t);
    const response = await fetch(`${admin}/api/events`, {
      headers: { ...bearer, origin: 'http://evil.example' },
    });
    assert.equal(response.headers.get('access-control-allow-origin'), null);
    assert.equal(response.headers.get('cross-origin-resource-policy'), 'same-origin');
    assert.equal(response.headers.get('cache-control'), 'no-store');
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
  });
});

suite('events', () => {
  test('are listed, filtered, shown in full with their offending bytes, and judged again', async (t) => {
    const checkpoint = await runCheckpoint(t);
    const { probe, written, json, get } = checkpoint;
    assert.match(await probe(foreign('www.example.com', '/azenv.php'), '127.0.0.8'), /^HTTP\/1\.1 421/);
    assert.match(
      await probe('CONNECT mx.example.com:25 HTTP/1.1\r\nHost: mx.example.com:25\r\n\r\n'),
      /^HTTP\/1\.1 405/,
    );
    await written(2);
    const { events } = await json<Page>('/api/events');
    assert.deepEqual(
      events.map(({ rule, client, intent }) => [rule, client, intent]),
      [
        ['connect', '127.0.0.1', 'mail-relay'],
        ['absolute-form-foreign', '127.0.0.8', 'proxy-judge'],
      ],
    );
    for (const [query, count] of [
      ['rule=connect', 1],
      ['client=127.0.0.8', 1],
      ['client=127.0.0.0/24', 2],
      ['text=azenv', 1],
      ['action=flag', 0],
      ['from=2020-01-01T00:00:00Z&to=2020-02-01', 0],
      [`from=${Date.now() - 60_000}`, 2],
      ['limit=1', 1],
    ] as const)
      assert.equal((await json<Page>(`/api/events?${query}`)).events.length, count, query);
    const { id } = events[1]!;
    const full = await json<Record<string, unknown>>(`/api/events/${String(id)}`);
    const { signals } = full.judgedNow as { signals: { rule: string; start: number; end: number }[] };
    const [first] = signals;
    assert.equal(first!.rule, 'absolute-form-foreign');
    assert.equal(String(full.bytes).slice(first!.start, first!.end), 'www.example.com');
    for (const path of [
      '/api/events/0',
      '/api/events/x',
      '/api/events/99999999999999999999',
      '/api/events/-1',
    ])
      assert.equal((await get(path)).status, 404, path);
    for (const query of ['limit=0', 'limit=1e9', 'rule=nope', 'from=yesterday', 'nope=1', 'action=allow'])
      assert.equal((await get(`/api/events?${query}`)).status, 400, query);
  });

  test('contain what an attacker wrote only as text, never as markup', async (t) => {
    const { probe, written, get, json } = await runCheckpoint(t);
    const evil = `"><script>alert(1)</script><img src=x onerror=alert(2)>`;
    await probe(`GET http://evil.example/${evil} HTTP/1.1\r\nHost: ${evil}\r\nUser-Agent: ${evil}\r\n\r\n`);
    await written(1);
    for (const path of [
      '/api/events',
      '/api/events/1',
      '/api/summary',
      '/api/report?client=127.0.0.1',
      '/api/export',
      '/api/bans',
      '/metrics',
    ]) {
      const response = await get(path);
      assert.equal(response.status, 200, path);
      const type = response.headers.get('content-type')!;
      assert.match(type, /^(?:application\/json|text\/plain|text\/csv)/, `${path} ${type}`);
      assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
      if (path === '/metrics') assert.ok(!(await response.text()).includes('evil'));
    }
    const { bytes } = await json<{ bytes: string }>('/api/events/1');
    assert.ok(bytes.includes(evil));
  });

  test('are counted in the summary and in the metrics, by rule and by site, never by client', async (t) => {
    const { probe, written, json, get } = await runCheckpoint(t);
    const ok = 'GET / HTTP/1.1\r\nHost: www.example.net:8080\r\n\r\n';
    for (let i = 0; i < 3; i++) await probe(ok);
    for (let i = 0; i < 4; i++) await probe(foreign());
    await written(4);
    const summary = await json<{ total: number; rules: unknown }>('/api/summary');
    assert.equal(summary.total, 4);
    assert.deepEqual(summary.rules, [{ rule: 'absolute-form-foreign', action: 'block', count: 4 }]);
    const metrics = await (await get('/metrics')).text();
    for (const line of [
      'sekisho_requests_total{site="www.example.net",verdict="allow"} 3',
      'sekisho_requests_total{site="none",verdict="block"} 4',
      'sekisho_probes_total{rule="absolute-form-foreign",action="block"} 4',
      'sekisho_journal_written_total 4',
      'sekisho_journal_up 1',
    ])
      assert.ok(metrics.split('\n').includes(line), `${line}\n${metrics}`);
    assert.match(metrics, /^sekisho_judge_seconds_bucket\{le="\+Inf"\} 1$/m);
    assert.match(metrics, /^nodejs_eventloop_lag_seconds /m);
    assert.ok(!/127\.0\.0\.1|example\.com/.test(metrics.replace(/^.*backend.*$/gm, '')));
  });

  test('are sent to the live feed', async (t) => {
    const { admin, probe } = await runCheckpoint(t);
    const abort = new AbortController();
    t.after(() => abort.abort());
    const response = await fetch(`${admin}/api/stream`, { headers: bearer, signal: abort.signal });
    assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
    await probe(foreign());
    let text = '';
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (text.includes('event: probes')) break;
    }
    const { total, events } = JSON.parse(/^event: probes\ndata: (.*)$/m.exec(text)![1]!) as {
      total: number;
      events: { id: number; rule: string }[];
    };
    assert.equal(total, 1);
    assert.deepEqual(
      events.map(({ id, rule }) => [id, rule]),
      [[1, 'absolute-form-foreign']],
    );
  });

  test('are exported as CSV, as JSON, and as reports to an abuse contact', async (t) => {
    const { probe, written, get, json } = await runCheckpoint(t);
    await probe(
      `GET http://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\nAuthorization: Basic c2VjcmV0\r\n\r\n`,
    );
    await written(1);
    const csv = await (await get('/api/export')).text();
    assert.equal(csv.split('\r\n').length, 3);
    const ndjson = await (await get('/api/export?format=json')).text();
    assert.equal(JSON.parse(ndjson).rule, 'absolute-form-foreign');
    const report = await (await get('/api/report?client=127.0.0.1&contact=me@example.net')).text();
    for (const words of [
      'Attempts:  1',
      ' UTC',
      'GET http://www.example.com/ HTTP/1.1',
      '[redacted]',
      'me@example.net',
    ])
      assert.ok(report.includes(words), words);
    assert.ok(!report.includes('c2VjcmV0'));
    assert.match(report, /^Every attempt was refused\.$/m);
    for (const line of report.split('\n').slice(0, 9)) assert.ok(line.length <= 76, line);
    await probe('GET //evil.example/x HTTP/1.1\r\nHost: www.example.net:8080\r\n\r\n', '127.0.0.6');
    await written(2);
    // An abuse report can cost somebody their line: a request that was let in is no evidence.
    const letIn = await get('/api/report?client=127.0.0.6');
    assert.equal(letIn.status, 404);
    assert.match(await letIn.text(), /none of the events of 127\.0\.0\.6 in that time is evidence of abuse/);
    const xarf = await json<Record<string, unknown>>(
      '/api/report?client=127.0.0.1&format=xarf&contact=me@example.net',
    );
    assert.deepEqual(
      [xarf.xarf_version, xarf.category, xarf.type, xarf.source_identifier, xarf.total_probes, xarf.protocol],
      ['4.0.0', 'connection', 'reconnaissance', '127.0.0.1', 1, 'tcp'],
    );
    assert.equal((await get('/api/report?client=192.0.2.200')).status, 404);
    assert.equal((await get('/api/report')).status, 400);
  });
});

suite('bans', () => {
  test('are added, listed and removed, and block requests meanwhile', async (t) => {
    const { admin, probe, json, clients, written } = await runCheckpoint(t);
    const ok = 'GET / HTTP/1.1\r\nHost: www.example.net:8080\r\n\r\n';
    assert.match(await probe(ok), /^HTTP\/1\.1 200/);
    await probe('CONNECT mx.example.com:25 HTTP/1.1\r\nHost: mx.example.com:25\r\n\r\n');
    await written(1);
    const ban = await fetch(`${admin}/api/bans`, {
      method: 'POST',
      headers: { ...bearer, 'content-type': 'application/json' },
      body: JSON.stringify({ prefix: '127.0.0.1', for: '1h', reason: '<b>tests</b>' }),
    });
    assert.equal(ban.status, 201);
    assert.match(await probe(ok), /^HTTP\/1\.1 403/);
    await written(2);
    const bannedBy = async () => {
      const { sources } = await json<{ sources: { bannedBy: string | null }[] }>('/api/summary');
      const { bannedBy: ofEvent } = await json<{ bannedBy: string | null }>('/api/events/1');
      return [sources[0]!.bannedBy, ofEvent];
    };
    assert.deepEqual(await bannedBy(), ['127.0.0.1/32', '127.0.0.1/32']);
    clients.bans!.ledger.add({ prefix: '127.0.0.0/24' });
    clients.bans!.ledger.remove('127.0.0.1');
    assert.deepEqual(await bannedBy(), ['127.0.0.0/24', '127.0.0.0/24']);
    clients.bans!.ledger.remove('127.0.0.0/24');
    assert.deepEqual(await bannedBy(), [null, null]);
    clients.bans!.ledger.replaceLists(PrefixList.of(['127.0.0.0/8']));
    assert.deepEqual(await bannedBy(), ['list', 'list']);
    clients.bans!.ledger.replaceLists(PrefixList.of([]));
    clients.bans!.ledger.add({ prefix: '127.0.0.1', for: 3_600_000, reason: '<b>tests</b>' });
    const { bans } = await json<{ bans: { prefix: string; reason: string }[] }>('/api/bans');
    assert.deepEqual(
      bans.map(({ prefix, reason }) => [prefix, reason]),
      [['127.0.0.1/32', '<b>tests</b>']],
    );
    const path = `/api/bans/${encodeURIComponent('127.0.0.1/32')}`;
    assert.equal((await fetch(`${admin}${path}`, { method: 'DELETE', headers: bearer })).status, 200);
    assert.match(await probe(ok), /^HTTP\/1\.1 200/);
  });

  test('are reported as off if they are', async (t) => {
    const { json, admin } = await runCheckpoint(t, 'bans: false\n');
    assert.equal((await json<{ off: boolean }>('/api/bans')).off, true);
    assert.equal((await fetch(`${admin}/api/bans`, { method: 'POST', headers: bearer })).status, 409);
  });
});

test('/api/backends and the metrics show a backend as unknown, healthy, failing and ejected', async (t) => {
  const backend = await recordingBackend(t);
  const { port, json, get } = await runCheckpoint(
    t,
    `sites: [{ hosts: [www.example.net], backend: "${backend.url}" }]\nbans: false\nrateLimit: false\n`,
  );
  const shown = async (): Promise<unknown[]> => {
    const { backends } = await json<{ backends: { state: string; fit: boolean }[] }>('/api/backends');
    const [, up] = /^sekisho_backend_up\{.*\} (\d)$/m.exec(await (await get('/metrics')).text()) ?? [];
    return [...backends.flatMap(({ state, fit }) => [state, fit]), Number(up)];
  };
  const ask = (): Promise<unknown> =>
    exchange(port, 'GET / HTTP/1.1\r\nHost: www.example.net\r\nConnection: close\r\n\r\n');
  assert.deepEqual(await shown(), ['unknown', true, 1]);
  await ask();
  assert.deepEqual(await shown(), ['healthy', true, 1]);
  backend.answerWith('HTTP/1.1 503 Ill\r\nContent-Length: 0\r\n\r\n');
  await ask();
  assert.deepEqual(await shown(), ['failing', true, 1]);
  backend.answerWith('no HTTP\r\n\r\n');
  for (let i = 0; i < 3; i++) await ask();
  assert.deepEqual(await shown(), ['ejected', false, 0]);
});
