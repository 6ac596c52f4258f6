/** `metrics`, `alerts`, `dashboard` and `rateLimit` in a Fastify app. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import rateLimiter from '@fastify/rate-limit';
import Fastify, { type FastifyInstance } from 'fastify';
import type { MetricsOptions } from '../../plugins/metrics.ts';
import { alerts, bans, dashboard, forward, metrics, rateLimit, relayGuard } from '../../src/index.ts';
import { guardedApp } from '../support/guarded-app.ts';
import { exchange } from '../support/raw-client.ts';
import { recordingBackend } from '../support/recording-backend.ts';
import { eventually } from '../support/redis.ts';
import { tempDir } from '../support/temp-dir.ts';

const token = 'a-token-for-tests-0123456789';
const authorization = `Bearer ${token}`;

const get = (target: string, host = 'www.example.net', ...more: string[]): string =>
  [`GET ${target} HTTP/1.1`, `Host: ${host}`, 'Connection: close', ...more, '', ''].join('\r\n');

const status = async (port: number, bytes: string): Promise<number> =>
  (await exchange(port, bytes)).responses[0]!.status;

async function scrape(port: number): Promise<string> {
  const { responses } = await exchange(port, get('/metrics'));
  return responses[0]!.body.toString();
}

/** The error with which an app built like this fails. */
async function fault(t: TestContext, build: (app: FastifyInstance) => unknown): Promise<string> {
  const app = Fastify();
  t.after(() => app.close());
  try {
    build(app);
    await app.ready();
  } catch (error) {
    return (error as Error).message;
  }
  return '';
}

interface Told {
  readonly kind: string;
  readonly title: string;
}

async function receiver(t: TestContext): Promise<{ url: string; told: Told[] }> {
  const told: Told[] = [];
  const server = createServer((req, res) => {
    const parts: Buffer[] = [];
    req.on('data', (part: Buffer) => parts.push(part));
    req.on('end', () => {
      told.push(JSON.parse(Buffer.concat(parts).toString()) as Told);
      res.end();
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, told };
}

suite('the metrics plugin:', () => {
  test('counts verdicts, bans and backend results', async (t) => {
    const backend = await recordingBackend(t, {});
    const { port } = await guardedApp(t, {
      build: async (app) => {
        await app.register(metrics, { token: false });
        await app.register(bans, { after: 100 });
        app.get('/a', async () => 'a');
        await app.register(forward, { prefix: '/api', backend: backend.url });
      },
    });
    assert.equal(await status(port, get('/a')), 200);
    assert.equal(await status(port, get('/api/b')), 200);
    assert.equal(await status(port, get('/a', 'www.example.com')), 421);
    const text = await scrape(port);
    for (const line of [
      'sekisho_requests_total{site="www.example.net",verdict="allow"} 3',
      'sekisho_probes_total{rule="host-foreign",action="block"} 1',
      'sekisho_bans 0',
      `sekisho_backend_seconds_count{backend="${backend.url.replace('http://', '')}"} 1`,
    ])
      assert.ok(text.includes(line), `${line}\n${text}`);
    assert.ok(!text.includes('example.com'), 'no foreign host is a label');
  });

  test('may be registered before the guard, has its own path, and needs the token', async (t) => {
    const app = Fastify();
    t.after(() => app.close());
    app.register(metrics, { path: '/internal/metrics', token });
    app.register(relayGuard, { hosts: ['www.example.net'] });
    const at = { url: '/internal/metrics' };
    assert.equal((await app.inject(at)).statusCode, 401);
    assert.equal((await app.inject({ ...at, headers: { authorization: 'Bearer no' } })).statusCode, 401);
    const answer = await app.inject({ ...at, headers: { authorization } });
    assert.equal(answer.statusCode, 200);
    assert.match(answer.payload, /sekisho_requests_total\{site="www\.example\.net",verdict="allow"\} 3/);
  });

  test('reports wrong options and a missing guard', async (t) => {
    assert.match(
      await fault(t, (app) => app.register(metrics, { token })),
      /^metrics: this app has no relayGuard\. .*await/,
    );
    const wrong = { path: 'metrics', token: 'short', tokens: 1 } as object;
    assert.deepEqual((await fault(t, (app) => app.register(metrics, wrong as MetricsOptions))).split('\n'), [
      'tokens: is not an option of metrics. write token if that is meant.',
      'path: is not a path. write one that begins with /.',
      'token: is too short to be a secret. write 16 random characters or more, or false to let anyone read the metrics.',
    ]);
  });

  test('takes a token of 16 characters, and not of 15', async (t) => {
    const tokenOf = (length: number) => ({ token: 'x'.repeat(length) });
    assert.match(await fault(t, (app) => app.register(metrics, tokenOf(15))), /token: is too short/);
    const app = Fastify();
    t.after(() => app.close());
    await app.register(relayGuard, { hosts: ['www.example.net'] });
    await app.register(metrics, tokenOf(16));
    await app.ready();
  });

  test('does not publish metrics if the token variable is unset', async (t) => {
    for (const options of [undefined, {}, { token: undefined }])
      assert.equal(
        await fault(t, (app) => app.register(metrics, options as unknown as MetricsOptions)),
        'token: is missing. write 16 random characters or more, or false to let anyone read the metrics.',
      );
  });
});

suite('the rateLimit plugin:', () => {
  test('limits each client, except exempt ones', async (t) => {
    const { port, told } = await guardedApp(t, {
      guard: { allow: ['127.0.0.3'] },
      build: async (app) => {
        await app.register(rateLimit, { max: 2, timeWindow: '1h', allow: ['127.0.0.4'] });
        app.get('/a', async () => 'a');
      },
    });
    const statuses = async (from: string) => {
      const all: number[] = [];
      for (let i = 0; i < 4; i++) all.push((await exchange(port, get('/a'), { from })).responses[0]!.status);
      return all;
    };
    assert.deepEqual(await statuses('127.0.0.1'), [200, 200, 429, 429]);
    assert.deepEqual(await statuses('127.0.0.2'), [200, 200, 429, 429], 'another client');
    assert.deepEqual(await statuses('127.0.0.3'), [200, 200, 200, 200], 'on the allow-list of the guard');
    assert.deepEqual(await statuses('127.0.0.4'), [200, 200, 200, 200], 'on its own');
    const { responses } = await exchange(port, get('/a'));
    assert.ok(Number(responses[0]!.headers.get('retry-after')?.[0]) > 0);
    assert.deepEqual(new Set(await told(5)), new Set(['block rate-limited']));
  });

  for (const first of ['ours', 'theirs'] as const)
    test(`works beside the app's own @fastify/rate-limit, ${first} first`, async (t) => {
      const { port } = await guardedApp(t, {
        build: async (app) => {
          if (first === 'ours') await app.register(rateLimit, { max: 4, timeWindow: '1h' });
          await app.register(rateLimiter, { global: false });
          if (first === 'theirs') await app.register(rateLimit, { max: 4, timeWindow: '1h' });
          const config = { rateLimit: { max: 1, timeWindow: '1h', groupId: 'few' } };
          app.get('/few', { config } as object, async () => 'few');
          app.get('/a', async () => 'a');
        },
      });
      const statuses: number[] = [];
      for (const path of ['/few', '/few', '/a', '/a', '/a']) statuses.push(await status(port, get(path)));
      assert.deepEqual(statuses, [200, 429, 200, 200, 429]);
    });

  test('reports wrong options and a missing guard', async (t) => {
    assert.match(await fault(t, (app) => app.register(rateLimit)), /^rateLimit: this app has no relayGuard/);
    const guarded = (options: object) =>
      fault(t, (app) =>
        app.register(relayGuard, { hosts: ['www.example.net'] }).register(rateLimit, options),
      );
    assert.equal(
      await guarded({ max: 0, timeWindow: 'soon', allow: ['here'], maximum: 5 }).then((text) =>
        text
          .split('\n')
          .map((line) => line.split(/: | is /, 1)[0])
          .join(' '),
      ),
      'maximum timeWindow allow[0] max',
    );
  });
});

suite('the alerts plugin:', () => {
  test('reports probes and bans, folded', async (t) => {
    const { url, told } = await receiver(t);
    const { port } = await guardedApp(t, {
      build: async (app) => {
        await app.register(bans, { after: 30 });
        await app.register(alerts, { webhook: url, name: 'shop', digest: '1s' });
      },
    });
    for (let i = 0; i < 30; i++) await status(port, get('/a', 'www.example.com'));
    assert.equal(await status(port, get('/a')), 403);
    const all = (): string => JSON.stringify(told);
    await eventually(() => all().includes('banned 127.0.0.1'), 'the ban is reported', 10_000);
    await eventually(() => all().includes('host-foreign'), 'the probes are reported', 10_000);
    assert.ok(told.length <= 3, all());
    assert.ok(told.every(({ title }) => title.includes('shop')));
  });

  test('sends what is queued when the app closes', async (t) => {
    const { url, told } = await receiver(t);
    const {
      app,
      port,
      told: seen,
    } = await guardedApp(t, {
      build: async (own) => {
        await own.register(alerts, { webhook: [{ url }] });
      },
    });
    await status(port, get('/a', 'www.example.com'));
    await seen(1);
    await app.close();
    assert.ok(told.length >= 1);
  });

  test('reports wrong options and a missing guard', async (t) => {
    const webhook = 'http://127.0.0.1:9/';
    assert.match(
      await fault(t, (app) => app.register(alerts, { webhook })),
      /^alerts: this app has no relayGuard/,
    );
    assert.match(await fault(t, (app) => app.register(alerts, {})), /there is no receiver\. write webhook/);
    const wrong = { webhook: 'ftp://a', digest: 'soon' };
    const lines = (await fault(t, (app) => app.register(alerts, wrong))).split('\n');
    assert.deepEqual(lines.map((line) => line.split(':', 1)[0]).sort(), ['digest', 'webhook']);
  });
});

suite('the dashboard plugin:', () => {
  test('shows events, counts and bans on its own listener, behind its token', async (t) => {
    const { app, port, told } = await guardedApp(t, {
      build: async (own) => {
        await own.register(dashboard, { token, listen: '127.0.0.1:0' });
        await own.register(bans, { after: 5 });
      },
    });
    const { url } = app.relayDashboard;
    const json = async <T>(path: string, init: RequestInit = {}): Promise<T> =>
      (await (await fetch(url + path, { ...init, headers: { authorization, ...init.headers } })).json()) as T;
    assert.equal((await fetch(`${url}/api/events`)).status, 401);
    assert.equal((await fetch(`${url}/readyz`)).status, 200);
    assert.equal(
      await status(port, get('/api/events', 'www.example.net', `Authorization: ${authorization}`)),
      404,
    );
    await status(port, get('/a', 'www.example.com'));
    await told(1);
    interface Listed {
      readonly events: readonly { readonly id: number; readonly rule: string }[];
    }
    let events: Listed['events'] = [];
    await eventually(async () => {
      ({ events } = await json<Listed>('/api/events?limit=5'));
      return events.length > 0;
    }, 'written');
    assert.deepEqual(
      events.map(({ rule }) => rule),
      ['host-foreign'],
    );
    const { judgedNow } = await json<{ judgedNow: { verdict: string } }>(`/api/events/${events[0]!.id}`);
    assert.equal(judgedNow.verdict, 'block');
    const { sites } = await json<{ sites: string[] }>('/api/status');
    assert.deepEqual(sites, ['www.example.net'], 'those of the guard');
    const ban = {
      method: 'POST',
      body: '{"prefix":"127.0.0.1"}',
      headers: { 'content-type': 'application/json' },
    };
    await json('/api/bans', ban);
    assert.equal(await status(port, get('/a')), 403);
    await json('/api/bans/127.0.0.1', { method: 'DELETE' });
    assert.equal(await status(port, get('/a')), 404);
    const { responses } = await exchange(
      Number(new URL(url).port),
      get('/metrics', 'a', `Authorization: ${authorization}`),
    );
    assert.match(
      responses[0]!.body.toString(),
      /sekisho_probes_total\{rule="host-foreign",action="block"\} 1/,
    );
    await app.close();
    await assert.rejects(fetch(`${url}/healthz`));
  });

  test('keeps events in a file if one is configured', async (t) => {
    const path = join(await tempDir(t, 'dashboard'), 'events.db');
    const run = async (probe: boolean): Promise<number> => {
      const { app, port, told } = await guardedApp(t, {
        build: async (own) => {
          await own.register(dashboard, { token, listen: '127.0.0.1:0', journal: { path, keep: '1d' } });
        },
      });
      if (probe) {
        await status(port, get('/a', 'www.example.com'));
        await told(1);
      }
      const answer = await fetch(`${app.relayDashboard.url}/api/events`, { headers: { authorization } });
      const { events } = (await answer.json()) as { events: unknown[] };
      await app.close();
      return events.length;
    };
    await run(true);
    assert.equal(await run(false), 1);
  });

  test('reports wrong options and a missing guard', async (t) => {
    assert.match(
      await fault(t, (app) => app.register(dashboard, { token, listen: '127.0.0.1:0' })),
      /^dashboard: this app has no relayGuard/,
    );
    const wrong = async (options: object) =>
      (await fault(t, (app) => app.register(dashboard, options as never))).split('\n');
    assert.deepEqual(
      (await wrong({ listen: 'here', journal: { keep: 'long' } }))
        .map((line) => line.split(':', 1)[0])
        .sort(),
      ['journal.keep', 'listen', 'token'],
    );
    const taken = createServer();
    await new Promise<void>((done) => taken.listen(0, '127.0.0.1', done));
    t.after(() => taken.close());
    const { port } = taken.address() as AddressInfo;
    const message = await fault(t, (app) =>
      app
        .register(relayGuard, { hosts: ['www.example.net'] })
        .register(dashboard, { token, listen: `127.0.0.1:${port}` }),
    );
    assert.match(message, /the port is taken/);
  });
});
