/** The whole program killed in mid-work: everything older than a second is in the journal. */
import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { foreign } from '../support/checkpoint.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { exchange } from '../support/raw-client.ts';
import { tempDir } from '../support/temp-dir.ts';

/** Milliseconds of events that can be lost. */
const lost = 1000;

for (const workers of [1, 2])
  test(`kill -9 loses at most the last second of events, with ${workers} processes`, {
    timeout: 60_000,
  }, async (t) => {
    const path = `${await tempDir(t, 'killed')}/sekisho.db`;
    const { port, process: child } = await startGatewayProcess(
      t,
      `sites: [{ hosts: [www.example.net], backend: welcome }]
workers: ${workers}
bans: false
rateLimit: false
journal: { path: ${path} }
`,
    );
    const answered: number[] = [];
    let over = false;
    const sending = (async () => {
      for (let index = 0; !over; index++) {
        const { text } = await exchange(port, foreign(`host${index % 9}.example.com`), { until: 1 }).catch(
          () => ({ text: '' }),
        );
        if (text.startsWith('HTTP/1.1 421')) answered.push(Date.now());
      }
    })();
    await delay(3000);
    const killed = Date.now();
    child.signal('SIGKILL');
    await child.exited;
    over = true;
    await sending;
    const db = new DatabaseSync(path);
    t.after(() => db.close());
    assert.equal(db.prepare('PRAGMA integrity_check').get()!.integrity_check, 'ok');
    const count = (sql: string) => Number(Object.values(db.prepare(sql).get()!)[0]);
    const events = count('SELECT SUM(count) FROM events');
    const due = answered.filter((time) => time < killed - lost).length;
    assert.ok(due > 50, `${due} probes`);
    assert.ok(events >= due, `${events} of ${due} that were answered a second before`);
    assert.ok(events <= answered.length + 1, `${events} of ${answered.length}`);
    assert.equal(count('SELECT SUM(count) FROM totals'), events);
    assert.equal(count('SELECT SUM(count) FROM minutes'), events);
  });
