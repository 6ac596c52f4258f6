import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import Fastify from 'fastify';
import { bans } from '../../plugins/bans.ts';
import { relayGuard } from '../../plugins/relay-guard.ts';
import { bansRoutes } from '../../src/admin/bans-api.ts';
import { main } from '../../src/cli.ts';
import { boundTo } from '../support/bound.ts';
import { runProcess } from '../support/process.ts';

const token = 'a-token-for-this-test';
const app = Fastify();
await app.register(bans, { allow: ['192.0.2.0/24'] });
app.addHook('onRequest', async (request, reply) => {
  if (request.headers.authorization !== `Bearer ${token}`) return reply.code(401).send({ error: 'no token' });
});
await app.register(bansRoutes);
const url = await boundTo(app, { after });
const headers = { authorization: `Bearer ${token}` };

suite('GET, POST and DELETE /api/bans', () => {
  test('add, list and remove bans', async () => {
    const added = await app.inject({
      method: 'POST',
      url: '/api/bans',
      headers,
      payload: { prefix: '198.51.100.0/24', for: '1h', reason: 'scan' },
    });
    assert.equal(added.statusCode, 201);
    const { ban } = added.json();
    assert.equal(ban.prefix, '198.51.100.0/24');
    assert.equal(Date.parse(ban.until) - Date.parse(ban.since), 3_600_000);
    const list = (await app.inject({ url: '/api/bans', headers })).json();
    assert.deepEqual(list, { bans: [ban], total: 1, listed: 0 });
    const plain = await app.inject({ url: '/api/bans?format=plain', headers });
    assert.equal(plain.body, '198.51.100.0/24\n');
    const inside = await app.inject({ method: 'DELETE', url: '/api/bans/198.51.100.7', headers });
    assert.equal(inside.statusCode, 404);
    assert.match(inside.json().error, /as part of 198\.51\.100\.0\/24/);
    for (const [path, status] of [
      ['198.51.100.0%2F24', 200],
      ['198.51.100.0/24', 404],
    ] as const) {
      const gone = await app.inject({ method: 'DELETE', url: `/api/bans/${path}`, headers });
      assert.equal(gone.statusCode, status, path);
    }
    assert.equal((await app.inject({ url: '/api/bans', headers })).json().total, 0);
  });

  test('reject invalid input and say why', async () => {
    for (const [payload, words] of [
      [undefined, /prefix is missing/],
      [{ prefix: 5 }, /prefix is missing/],
      [{ prefix: 'everybody' }, /is not a prefix/],
      [{ prefix: '::/0' }, /covers every address/],
      [{ prefix: '192.0.2.1', for: 'long' }, /for is not a duration/],
      [{ prefix: '192.0.2.1', for: 60 }, /for is not a duration/],
      [{ prefix: '192.0.2.1', reason: {} }, /reason must be text/],
    ] as const) {
      const answer = await app.inject({
        method: 'POST',
        url: '/api/bans',
        headers,
        ...(payload ? { payload } : {}),
      });
      assert.equal(answer.statusCode, 400, JSON.stringify(payload));
      assert.match(answer.json().error, words);
    }
    assert.equal((await app.inject({ url: '/api/bans?format=xml', headers })).statusCode, 400);
    assert.equal((await app.inject({ url: '/api/bans?limit=0', headers })).statusCode, 400);
    assert.equal((await app.inject({ method: 'DELETE', url: '/api/bans/x', headers })).statusCode, 400);
  });

  test('a ban of an allow-listed address is answered with a note that it has no effect', async () => {
    const answer = await app.inject({
      method: 'POST',
      url: '/api/bans',
      headers,
      payload: { prefix: '192.0.2.1' },
    });
    assert.match(answer.json().note, /allow-list/);
    app.bans.ledger.remove('192.0.2.1');
  });

  test('an export leaves out what is allow-listed within a banned network', async () => {
    const { ledger } = app.bans;
    ledger.add({ prefix: '192.0.2.0/23' });
    const plain = await app.inject({ url: '/api/bans?format=plain', headers });
    assert.equal(plain.body, '192.0.3.0/24\n');
    ledger.remove('192.0.2.0/23');
  });

  test('a ban of a 6to4 prefix is one of its IPv4 address, and the answer says so; its lift too', async () => {
    const post = (prefix: string) =>
      app.inject({ method: 'POST', url: '/api/bans', headers, payload: { prefix } });
    const added = (await post('2002:cb00:7107::/48')).json();
    assert.equal(added.ban.prefix, '203.0.113.7/32');
    assert.equal(
      added.note,
      '6to4 clients count as their IPv4 address: 2002:cb00:7107::/48 is banned as 203.0.113.7/32',
    );
    const url = `/api/bans/${encodeURIComponent('2002:cb00:7107::/48')}`;
    const lifted = await app.inject({ method: 'DELETE', url, headers });
    assert.deepEqual([lifted.statusCode, lifted.json().ban.prefix], [200, '203.0.113.7/32']);
    const again = await app.inject({ method: 'DELETE', url, headers });
    assert.deepEqual([again.statusCode, again.json().error], [404, '203.0.113.7/32 is not banned']);
    const exempt = (await post('2002:c000:201::/48')).json();
    assert.match(exempt.note, /allow-list.*; 6to4 clients .* 192\.0\.2\.1\/32$/);
    app.bans.ledger.remove('192.0.2.1');
    for (const method of ['POST', 'DELETE'] as const) {
      const all =
        method === 'POST'
          ? await post('2002::/16')
          : await app.inject({ method, url: '/api/bans/2002::/16', headers });
      assert.equal(all.statusCode, 400, method);
      assert.match(
        all.json().error,
        /^2002::\/16 covers every IPv4 address.*Write the IPv4 address or prefix$/,
      );
    }
    assert.deepEqual([...app.bans.ledger.active()], []);
  });
});

test('the plugin without a guard refuses banned clients, and closes with the app', async (t) => {
  const own = Fastify();
  t.after(() => own.close());
  await own.register(bans, { after: 1 });
  own.get('/', async () => 'hello');
  assert.equal((await own.inject({ url: '/', remoteAddress: '198.51.100.1' })).statusCode, 200);
  own.bans.ledger.add({ prefix: '198.51.100.1' });
  const refused = await own.inject({ url: '/', remoteAddress: '198.51.100.1' });
  assert.equal(refused.statusCode, 403);
  assert.equal(refused.headers.connection, 'close');
  assert.equal((await own.inject({ url: '/', remoteAddress: '198.51.100.2' })).statusCode, 200);
});

test('with relayGuard, the probes that the guard sees lead to a ban', async (t) => {
  const own = Fastify();
  t.after(() => own.close());
  await own.register(bans, { after: 2 });
  await own.register(relayGuard, { hosts: ['www.example.net'] });
  own.get('/', async () => 'hello');
  const from = { remoteAddress: '198.51.100.1' };
  const statusOf = async (host: string) =>
    (await own.inject({ url: '/', headers: { host }, ...from })).statusCode;
  assert.deepEqual(
    [await statusOf('www.example.net'), await statusOf('www.example.com'), await statusOf('www.example.com')],
    [200, 421, 421],
  );
  assert.equal(await statusOf('www.example.net'), 403);
});

test('invalid options are rejected', async () => {
  for (const options of [
    { after: 0 },
    { within: -1 },
    { for: [] },
    { allow: ['10.0.0.1/8'] },
    { lists: ['/no/such'] },
  ])
    await assert.rejects(async () => Fastify().register(bans, options), Error, JSON.stringify(options));
});

suite('sekisho bans', () => {
  const cli = (args: string[], env: Record<string, string> = { SEKISHO_TOKEN: token }) =>
    runProcess(process.execPath, ['src/cli.ts', 'bans', ...args, '--admin', url], { env });

  test('adds, lists and removes', async () => {
    const added = await cli(['add', '203.0.113.9', '--for', '30m', '--reason', 'nmap']);
    assert.deepEqual([added.code, added.stderr], [0, '']);
    assert.match(added.stdout, /^banned 203\.0\.113\.9\/32 .*operator: nmap\n$/);
    const listed = await cli(['list', '--json']);
    assert.equal(JSON.parse(listed.stdout).reason, 'nmap');
    const nginx = await cli(['list', '--format', 'nginx']);
    assert.equal(nginx.stdout, 'deny 203.0.113.9/32;\n');
    const removed = await cli(['remove', '203.0.113.9/32']);
    assert.deepEqual([removed.code, removed.stderr], [0, '']);
    const twice = await cli(['remove', '203.0.113.9/32']);
    assert.equal(twice.code, 1);
    assert.match(twice.stderr, /203\.0\.113\.9\/32 is not banned/);
    const embedded = await cli(['add', '2002:cb00:7109::/48', '--for', '30m']);
    assert.match(embedded.stdout, /^banned 203\.0\.113\.9\/32 /);
    assert.match(embedded.stderr, /^note: 6to4 clients .* is banned as 203\.0\.113\.9\/32\n$/);
    const lifted = await cli(['remove', '2002:cb00:7109::/48']);
    assert.match(lifted.stdout, /^no longer banned: 203\.0\.113\.9\/32 /);
    const none = await cli(['list']);
    assert.deepEqual([none.stdout, none.stderr], ['', '0 banned; 0 more on imported lists\n']);
  });

  test('reports a bad prefix, a bad token, an unreachable address, and wrong usage', async () => {
    const bad = await cli(['add', '10.0.0.1/8']);
    assert.equal(bad.code, 1);
    assert.match(bad.stderr, /write 10\.0\.0\.0\/8/);
    const wrong = await cli(['list'], { SEKISHO_TOKEN: 'another-token-entirely' });
    assert.match(wrong.stderr, /rejects this token/);
    const nobody = await runProcess(
      process.execPath,
      ['src/cli.ts', 'bans', 'list', '--admin', 'http://127.0.0.1:1'],
      {
        env: { SEKISHO_TOKEN: token },
      },
    );
    assert.equal(nobody.code, 1);
    assert.match(nobody.stderr, /no answer from http:\/\/127\.0\.0\.1:1/);
    assert.equal((await cli(['add'])).code, 2);
    assert.equal((await cli(['list', '--format', 'xml'])).code, 2);
    assert.equal(await main(['bans', 'remove']), 2);
  });
});
