/** The live feed: its events, and who receives them. */
import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { parseConfig } from '../../src/config/load.ts';
import { foreign, type RunningCheckpoint, runCheckpoint, token } from '../support/checkpoint.ts';
import { eventually } from '../support/eventually.ts';

const bearer = { authorization: `Bearer ${token}` };

interface Feed {
  readonly status: number;
  /** The text so far. */
  text(): string;
  /** The data of each event of a name so far. */
  of(name: string): unknown[];
  over(): boolean;
}

async function listen(
  t: TestContext,
  { admin }: RunningCheckpoint,
  headers: Record<string, string> = bearer,
): Promise<Feed> {
  const abort = new AbortController();
  t.after(() => abort.abort());
  const response = await fetch(`${admin}/api/stream`, { headers, signal: abort.signal });
  let [text, over] = ['', false];
  void (async () => {
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) text += chunk;
  })()
    .catch(() => {})
    .finally(() => {
      over = true;
    });
  return {
    status: response.status,
    text: () => text,
    of: (name) =>
      [...text.matchAll(new RegExp(`^event: ${name}\\ndata: (.*)$`, 'gm'))].map(([, data]) =>
        JSON.parse(data!),
      ),
    over: () => over,
  };
}

async function session({ admin }: RunningCheckpoint): Promise<{ cookie: string; csrf: string }> {
  const body = new URLSearchParams({ token });
  const response = await fetch(`${admin}/session`, { method: 'POST', redirect: 'manual', body });
  const cookie = response.headers.get('set-cookie')!.split(';', 1)[0]!;
  const { csrf } = (await (await fetch(`${admin}/api/session`, { headers: { cookie } })).json()) as {
    csrf: string;
  };
  return { cookie, csrf };
}

suite('the live feed', () => {
  test('sends probes, bans, backends and status', async (t) => {
    const checkpoint = await runCheckpoint(t);
    const { probe, clients, control } = checkpoint;
    const feed = await listen(t, checkpoint);
    await probe(foreign());
    clients.bans!.ledger.add({ prefix: '198.51.100.7' });
    clients.bans!.ledger.remove('198.51.100.7');
    control.onBackend('127.0.0.1:8081', false, 'connection refused');
    await eventually(
      () => ['probes', 'bans', 'backends', 'status'].every((name) => feed.of(name).length > 0),
      'each was sent',
      10_000,
    );
    assert.deepEqual(feed.of('bans'), [
      { kind: 'added', prefix: '198.51.100.7/32' },
      { kind: 'removed', prefix: '198.51.100.7/32' },
    ]);
    assert.deepEqual(feed.of('backends'), [
      { name: '127.0.0.1:8081', fit: false, why: 'connection refused' },
    ]);
    assert.equal((feed.of('probes')[0] as { total: number }).total, 1);
    assert.equal((feed.of('status')[0] as { ready: boolean }).ready, true);
  });

  test('ends after logout', async (t) => {
    const checkpoint = await runCheckpoint(t);
    const { admin, probe, written } = checkpoint;
    const { cookie, csrf } = await session(checkpoint);
    const [other, feed] = [await listen(t, checkpoint), await listen(t, checkpoint, { cookie })];
    await fetch(`${admin}/session`, { method: 'DELETE', headers: { cookie, 'x-sekisho-csrf': csrf } });
    await probe(foreign());
    await written(1);
    await eventually(() => feed.over() && other.of('probes').length === 1, 'the feed is over');
    assert.deepEqual(feed.of('probes'), []);
    assert.equal(other.over(), false);
  });

  test('ends when its token is replaced', async (t) => {
    const checkpoint = await runCheckpoint(t);
    const { probe, control } = checkpoint;
    const { cookie } = await session(checkpoint);
    const feeds = [await listen(t, checkpoint), await listen(t, checkpoint, { cookie })];
    const next = parseConfig(
      `listen: ["127.0.0.1:0"]
admin: { listen: "127.0.0.1:0", token: another-token-0123456789 }
sites: [{ hosts: ["www.example.net:8080", example.net], backend: welcome }]
`,
      '.',
    );
    await (await control.prepare(next)).commit();
    await probe(foreign());
    await eventually(() => feeds.every((feed) => feed.over()), 'both are over');
    for (const feed of feeds) assert.deepEqual(feed.of('probes'), []);
  });

  test('accepts 32 listeners, and another one when one leaves', async (t) => {
    const checkpoint = await runCheckpoint(t);
    const abort = new AbortController();
    t.after(() => abort.abort());
    for (let i = 0; i < 31; i++) await listen(t, checkpoint);
    const last = await fetch(`${checkpoint.admin}/api/stream`, { headers: bearer, signal: abort.signal });
    assert.equal(last.status, 200);
    assert.equal((await listen(t, checkpoint)).status, 503);
    abort.abort();
    await eventually(async () => (await listen(t, checkpoint)).status === 200, 'there is room again');
  });
});
