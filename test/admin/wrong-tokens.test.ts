/** Guessing the token: logged, counted and slowed down, without locking out other clients. */
import assert from 'node:assert/strict';
import { mock, suite, test } from 'node:test';
import { WrongTokens } from '../../src/admin/wrong-tokens.ts';
import { runCheckpoint, token } from '../support/checkpoint.ts';

suite('wrong tokens', () => {
  test('are logged, and lock their client for the rest of the minute after ten', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      const lines: string[] = [];
      const guard = new WrongTokens({ warn: (_: unknown, line: string) => lines.push(line) } as never);
      for (let i = 0; i < 10; i++) {
        assert.equal(guard.locked('192.0.2.1', 1000), 0);
        void guard.wrong('192.0.2.1', 1000);
      }
      assert.equal(guard.locked('192.0.2.1', 2000), 59);
      assert.equal(guard.locked('192.0.2.2', 2000), 0);
      assert.equal(guard.locked('192.0.2.1', 61_000), 0);
      assert.equal(guard.total, 10);
      assert.deepEqual(lines, [
        'a wrong token at the admin listener from 192.0.2.1',
        '10 wrong tokens at the admin listener from 192.0.2.1: its tokens are refused for the rest of the minute',
      ]);
    } finally {
      mock.timers.reset();
    }
  });

  test('give 401, then 429, are in log and metrics, and leave sessions alone', async (t) => {
    const { admin, log } = await runCheckpoint(t);
    const ask = (bearer: string) =>
      fetch(`${admin}/api/summary`, { headers: { authorization: `Bearer ${bearer}` } });
    const opened = await fetch(`${admin}/session`, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `token=${token}`,
    });
    const cookie = opened.headers.get('set-cookie')!.split(';', 1)[0]!;
    assert.equal((await fetch(`${admin}/api/summary`)).status, 401, 'a missing token is not a wrong one');
    const statuses = (await Promise.all(Array.from({ length: 10 }, (_, i) => ask(`guess-${i}`)))).map(
      ({ status }) => status,
    );
    assert.deepEqual(new Set(statuses), new Set([401]));
    const locked = await ask(token);
    assert.equal(locked.status, 429);
    assert.ok(Number(locked.headers.get('retry-after')) > 0);
    assert.equal((await fetch(`${admin}/api/summary`, { headers: { cookie } })).status, 200);
    assert.equal(log.filter((line) => line.includes('wrong token')).length, 2);
    const metrics = await (await fetch(`${admin}/metrics`, { headers: { cookie } })).text();
    assert.match(metrics, /^sekisho_admin_wrong_tokens_total 10$/m);
  });
});
