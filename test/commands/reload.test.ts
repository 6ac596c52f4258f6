/** SIGHUP: the settings that the running program applies, in one process and with workers. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { suite, test } from 'node:test';
import { freePort } from '../support/free-port.ts';
import { eventually } from '../support/redis.ts';
import { probe, receiver, startReloadable as start, token } from '../support/reloadable.ts';

const get = (host = 'www.example.net'): string =>
  `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;

const api = (port: number, path: string, bearer = token): Promise<Response> =>
  fetch(`http://127.0.0.1:${port}${path}`, { headers: { authorization: `Bearer ${bearer}` } });

async function eventCount(port: number): Promise<number> {
  return ((await (await api(port, '/api/events')).json()) as { events: unknown[] }).events.length;
}

for (const workers of [1, 2])
  suite(`SIGHUP, workers: ${workers}`, () => {
    const common = `workers: ${workers}\n`;

    test('the journal moves: later events and the bans in force are in the new file', async (t) => {
      const admin = await freePort();
      const rest = (path: string): string =>
        `${common}admin: { listen: "127.0.0.1:${admin}", token: ${token} }\njournal: { path: ${path} }\nbans: { after: 1 }`;
      const { folder, reload, status } = await start(t, { rest: rest('one.db') });
      await status(probe, '127.0.0.2');
      await eventually(async () => (await eventCount(admin)) === 1, 'the first event is written');
      assert.match(await reload({ rest: rest('two.db') }), /the config was reloaded/);
      assert.equal(await eventCount(admin), 0, 'the new file is read');
      await status(probe, '127.0.0.3');
      await eventually(async () => (await eventCount(admin)) === 1, 'the second event is written');
      const rows = (name: string, sql: string): string[] => {
        const db = new DatabaseSync(join(folder, name), { readOnly: true });
        const found = db.prepare(sql).all();
        db.close();
        return found.map((row) => String(Object.values(row)[0]));
      };
      assert.deepEqual(rows('one.db', 'SELECT client FROM events'), ['127.0.0.2']);
      assert.deepEqual(rows('two.db', 'SELECT client FROM events'), ['127.0.0.3']);
      await eventually(
        () => rows('two.db', 'SELECT prefix FROM bans').length === 2,
        'both bans are in the new file',
      );
      assert.equal(await status(get(), '127.0.0.2'), 403, 'an earlier ban stays in force');
    });

    test('alerts go only to the receivers in the new config', async (t) => {
      const [first, second] = [await receiver(t), await receiver(t)];
      const rest = (url: string): string =>
        `${common}admin: false\njournal: false\nbans: false\nalerts: { webhook: "${url}", digest: 1s }`;
      const { reload, status } = await start(t, { rest: rest(first.url) });
      await status(probe);
      await eventually(() => first.titles.length === 1, 'the first receiver gets it');
      await reload({ rest: rest(second.url) });
      await status('CONNECT mail.example.com:25 HTTP/1.1\r\nHost: mail.example.com:25\r\n\r\n');
      await eventually(() => second.titles.length === 1, 'the second receiver gets it');
      assert.match(first.titles[0]!, /absolute-form-foreign/);
      assert.deepEqual(first.titles.length, 1);
    });

    test('the admin listener moves, with another token', async (t) => {
      const [before, after] = [await freePort(), await freePort()];
      const rest = (port: number, secret: string): string =>
        `${common}journal: false\nadmin: { listen: "127.0.0.1:${port}", token: ${secret} }`;
      const { reload, child, status } = await start(t, { rest: rest(before, token) });
      await status(probe);
      await eventually(async () => (await eventCount(before)) === 1, 'the event is kept');
      assert.match(await reload({ rest: rest(after, `${token}-2`) }), /the config was reloaded/);
      await child.waitForLine(new RegExp(`^listening admin http://127\\.0\\.0\\.1:${after}$`));
      assert.equal((await api(after, '/api/events')).status, 401, 'the old token');
      const answer = await api(after, '/api/events', `${token}-2`);
      assert.equal(((await answer.json()) as { events: unknown[] }).events.length, 1, 'stored events stay');
      assert.equal((await fetch(`http://127.0.0.1:${after}/readyz`)).status, 200);
      await assert.rejects(api(before, '/healthz'), 'the old listener is closed');
      await reload({ rest: rest(after, token) });
      assert.equal((await api(after, '/api/events')).status, 200, 'only the token changed');
      await reload({ rest: `${common}journal: false\nadmin: false` });
      await assert.rejects(api(after, '/healthz'), 'no listener is left');
      await reload({ rest: rest(before, token) });
      assert.equal((await api(before, '/api/events')).status, 200, 'one again');
    });

    test('a reload that fails changes nothing and logs the reason', async (t) => {
      const admin = await freePort();
      const rest = (port: number, journal = 'one.db'): string =>
        `${common}admin: { listen: "127.0.0.1:${port}", token: ${token} }\njournal: { path: ${journal} }\nbans: false`;
      const { folder, reload, status, child } = await start(t, { rest: rest(admin) });
      const taken = await receiver(t);
      const host = 'renamed.example.net';
      const unchanged = async (): Promise<void> => {
        assert.equal(await status(get(host)), 421);
        assert.equal(await status(get()), 200);
        assert.equal((await api(admin, '/api/events')).status, 200);
      };
      const port = Number(new URL(taken.url).port);
      assert.match(await reload({ host, rest: rest(port) }), /not reloaded.*stays in force/);
      assert.match(
        child.stderr(),
        new RegExp(`admin: cannot listen on 127\\.0\\.0\\.1:${port}: the port is taken`),
      );
      await unchanged();
      await writeFile(
        join(folder, 'no.db'),
        'this is no database, but a text that somebody put here by mistake',
      );
      assert.match(await reload({ host, rest: rest(admin, 'no.db') }), /not reloaded/);
      assert.match(child.stderr(), /is not a SQLite database/);
      await unchanged();
      assert.match(await reload('sites: [{'), /not reloaded/);
      await unchanged();
      assert.match(await reload({ host, rest: rest(admin) }), /was reloaded/);
      await eventually(async () => (await status(get(host))) === 200, 'the next good one is taken');
    });

    test('settings that need a restart are named at each reload until the restart', async (t) => {
      const base = `${common}admin: false\njournal: false\n`;
      const { reload } = await start(t, { rest: base });
      const changed = `${base}timeouts: { connect: 1s }\notel: { sample: 0.5 }\nbans: false`;
      for (let i = 0; i < 2; i++)
        assert.match(await reload({ rest: changed }), /need a restart: timeouts, otel, bans: false"/);
      assert.match(await reload({ rest: base }), /"the config was reloaded"/);
    });
  });
