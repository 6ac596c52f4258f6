import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { runCheckpoint } from '../support/checkpoint.ts';
import { flagged, flood } from '../support/flood.ts';
import { tempDir } from '../support/temp-dir.ts';

test('a flood is counted exactly, folded, reported in one to three messages, and ordinary requests are served meanwhile', {
  timeout: 120_000,
}, async (t) => {
  const messages: { kind: string; title: string }[] = [];
  const receiver = createServer(async (req, res) => {
    let body = '';
    for await (const chunk of req.setEncoding('utf8')) body += chunk;
    messages.push(JSON.parse(body));
    res.end();
  });
  await once(receiver.listen(0, '127.0.0.1'), 'listening');
  t.after(() => receiver.close());
  const { port: hook } = receiver.address() as AddressInfo;
  const dir = await tempDir(t, 'flood');
  const checkpoint = await runCheckpoint(
    t,
    `rateLimit: false
bans: { after: 1000 }
journal: { path: ${dir}/sekisho.db }
alerts: { webhook: "http://127.0.0.1:${hook}/", digest: 1s, name: gate }
`,
  );
  const { port, probe, written, json, get, control } = checkpoint;
  const count = 20_000;
  const running = flood(port, {
    count,
    request: (index) => flagged(index, 3000),
    from: ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4'],
  });
  let served = 0;
  let over = false;
  void running.finally(() => {
    over = true;
  });
  while (!over) {
    assert.match(
      await probe('GET / HTTP/1.1\r\nHost: www.example.net:8080\r\n\r\n', '127.0.0.50'),
      /^HTTP\/1\.1 200/,
    );
    served++;
  }
  await running;
  assert.ok(served > 0);
  await written(count);
  const { total, totals, sources } = await json<{
    total: number;
    totals: { rule: string; count: number }[];
    sources: { prefix: string; count: number }[];
  }>('/api/summary');
  assert.equal(total, count);
  assert.deepEqual(
    totals.map(({ rule, count }) => [rule, count]),
    [['url-in-path', count]],
  );
  assert.equal(
    sources.reduce((sum, { count }) => sum + count, 0),
    count,
  );
  const metrics = await (await get('/metrics')).text();
  assert.match(
    metrics,
    new RegExp(`^sekisho_probes_total\\{rule="url-in-path",action="flag"\\} ${count}$`, 'm'),
  );
  const rows = (await (await get('/api/export?format=json')).text()).trim().split('\n');
  assert.ok(rows.length < count / 2, `${rows.length} rows`);
  assert.equal(
    rows.reduce((sum, row) => sum + (JSON.parse(row) as { count: number }).count, 0),
    count,
  );
  await control.close();
  assert.ok(messages.length >= 1 && messages.length <= 3, JSON.stringify(messages));
});
