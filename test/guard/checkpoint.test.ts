/** The checkpoint of our own front ends: bans, errors inside a check, and what is counted and recorded. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { suite, type TestContext, test } from 'node:test';
import { Counters } from '../../src/events/counters.ts';
import type { ProbeEvent } from '../../src/events/event.ts';
import { Checkpoint } from '../../src/guard/checkpoint.ts';
import type { CheckpointOptions } from '../../src/guard/checkpoint-options.ts';
import type { HttpRequest } from '../../src/wire/http-request.ts';
import { corpusPolicy } from '../support/policy.ts';
import { rawConnection } from '../support/raw-connection.ts';

const { policy, clients } = corpusPolicy();
const { policy: dropping } = corpusPolicy('policy: { rules: { client-banned: { answer: drop } } }');
const [stranger, trusted, allowed] = ['127.0.0.1', '127.0.0.2', '127.0.0.3'];

function checkpoint(options: Partial<CheckpointOptions> = {}) {
  const events: ProbeEvent[] = [];
  const errors: unknown[] = [];
  const counters = new Counters();
  const made = new Checkpoint({
    ...{ policy, clients, counters },
    onEvent: (event) => events.push(event),
    onError: (error) => errors.push(error),
    ...options,
  });
  /** Requests counted so far, by site and verdict. */
  const counted = (): Record<string, number> =>
    Object.fromEntries(
      counters
        .snapshot()
        .requests.filter(({ count }) => count > 0)
        .map(({ site, verdict, count }) => [`${site} ${verdict}`, count]),
    );
  const timed = (): number => counters.snapshot().judge.counts.reduce((sum, count) => sum + count);
  return { made, events, errors, counted, timed };
}

/** The server's side of a connection from a loopback address. */
async function accepted(t: TestContext, from = stranger): Promise<Socket> {
  const server = createServer();
  t.after(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const connected = once(server, 'connection') as Promise<[Socket]>;
  await rawConnection(t, (server.address() as AddressInfo).port, '127.0.0.1', from);
  const [socket] = await connected;
  t.after(() => socket.destroy());
  return socket;
}

const request = (target = '/', host = 'www.example.net', ...fields: string[]): HttpRequest => ({
  ...{ method: 'GET', target, version: '1.1', rawHeaders: ['Host', host, ...fields] },
});

suite('a connection', () => {
  for (const [what, from, options, expected] of [
    ['of a banned client, with answer drop', stranger, { policy: dropping, isBanned: () => true }, false],
    ['of a client that is not banned', stranger, { policy: dropping, isBanned: () => false }, true],
    ['of a banned client that gets an answer', stranger, { isBanned: () => true }, true],
    ['of a trusted proxy', trusted, { policy: dropping, isBanned: () => true }, true],
    ['of an allow-listed client', allowed, { policy: dropping, isBanned: () => true }, true],
  ] as const)
    test(`${what} is ${expected ? 'accepted' : 'refused and recorded'}`, async (t) => {
      const { made, events } = checkpoint(options);
      assert.equal(made.mayConnect(await accepted(t, from)), expected);
      assert.deepEqual(
        events.map(({ rule, client }) => [rule, client]),
        expected ? [] : [['client-banned', stranger]],
      );
    });
});

suite('a request', () => {
  test('of a banned client is refused, those of a trusted proxy and of the allow-list are not', async (t) => {
    const asked: string[] = [];
    const isBanned = (prefix: string): boolean => asked.push(prefix) > 0;
    const { made } = checkpoint({ isBanned });
    const ruleOf = async (from: string, ...fields: string[]) =>
      made.judgeRead(request('/', 'www.example.net', ...fields), await accepted(t, from)).verdict.rule;
    assert.equal(await ruleOf(stranger), 'client-banned');
    assert.equal(await ruleOf(trusted, 'X-Forwarded-For', '192.0.2.1'), 'client-banned');
    assert.equal(await ruleOf(trusted, 'X-Forwarded-For', trusted), null, 'a proxy in a banned network');
    assert.equal(await ruleOf(trusted), null, 'whose client is not named');
    assert.equal(await ruleOf(allowed), null);
    assert.deepEqual(asked, [`${stranger}/32`, '192.0.2.1/32', `${trusted}/32`]);
  });

  test('is refused where the look-up of bans fails', async (t) => {
    const isBanned = (): never => {
      throw new Error('no table');
    };
    const { made, errors } = checkpoint({ isBanned });
    const { verdict } = made.judgeRead(request(), await accepted(t));
    assert.deepEqual([verdict.action, verdict.rule, errors.length], ['block', 'client-banned', 1]);
  });

  test('is refused where the judge fails, and the next one is judged as usual', async (t) => {
    const { made, errors } = checkpoint();
    const socket = await accepted(t);
    const broken = { ...request(), rawHeaders: ['Host', 'www.example.net', 'Upgrade'] };
    const { verdict } = made.judgeRead(broken, socket);
    assert.deepEqual([verdict.action, verdict.rule, errors.length], ['block', 'framing', 1]);
    assert.equal(made.judgeRead(request(), socket).verdict.action, 'allow');
  });

  test('is judged more leniently where the exemption covers it, and only there', async (t) => {
    const { policy: lenient } = corpusPolicy('policy: { preset: observe }');
    const covers = (method: string, path: string): boolean => method === 'GET' && path === '/odd';
    const { made } = checkpoint({ exempt: { policy: lenient, covers } });
    const socket = await accepted(t);
    const judged = (target: string, host = 'www.example.net', method = 'GET') =>
      made.judgeRead({ ...request(target, host, 'Proxy-Connection', 'x'), method }, socket).verdict.action;
    assert.deepEqual([judged('/odd'), judged('/even')], ['flag', 'block']);
    assert.equal(judged('/odd', 'www.example.net', 'CONNECT'), 'block', 'blocked by both');
  });

  test('that passes flagged does so even if its event cannot be recorded', async (t) => {
    const onEvent = (): never => {
      throw new Error('disk full');
    };
    const { made, errors } = checkpoint({ onEvent });
    const socket = await accepted(t);
    made.passed(made.judgeRead(request('//evil.example/'), socket), socket, performance.now());
    assert.equal(errors.length, 1);
  });
});

test('every verdict is counted once, and every one but an allowed one is recorded once', async (t) => {
  const { made, events, counted } = checkpoint();
  const socket = await accepted(t);
  const judged = (target: string, host?: string) => made.judgeRead(request(target, host), socket);
  made.passed(judged('/'), socket, performance.now());
  made.passed(judged('//evil.example/'), socket, performance.now());
  made.recordRead(judged('/'), socket, Buffer.alloc(0));
  made.recordRead(judged('/', 'evil.example'), socket, Buffer.from('rest'));
  made.recordBytes(socket, Buffer.from('\x05\x01\x00'), true);
  made.recordFrames(socket, 'too many', Buffer.from('frames'), true);
  made.refuseRead(socket, judged('/', 'evil.example'), Buffer.alloc(0), true);
  assert.deepEqual(counted(), {
    'www.example.net allow': 2,
    'www.example.net flag': 1,
    ' block': 4,
  });
  assert.deepEqual(
    events.map(({ rule, action }) => `${rule} ${action}`),
    ['url-in-path flag', 'host-foreign block', 'socks5 block', 'framing block', 'host-foreign block'],
  );
  assert.match(events[1]!.bytes, /\\r\\n\\r\\nrest$/);
});

test('one of sixteen requests is timed, the first included', async (t) => {
  const { made, timed } = checkpoint();
  const socket = await accepted(t);
  const judged = made.judgeRead(request(), socket);
  const found = Array.from({ length: 17 }, () => {
    made.passed(judged, socket, performance.now());
    return timed();
  });
  assert.deepEqual([found[0], found[15], found[16]], [1, 1, 2]);
});

test('HTTP/2 frames count towards a ban only if no page can make a browser send them', async (t) => {
  const { made, events } = checkpoint();
  const socket = await accepted(t);
  for (const meant of [true, false]) made.recordFrames(socket, 'too many', Buffer.from('frames'), meant);
  assert.deepEqual(
    events.map(({ rule, counts }) => [rule, counts]),
    [
      ['framing', true],
      ['framing', false],
    ],
  );
});

test('a banned client is turned away with one event and one count', async (t) => {
  const { made, events, counted } = checkpoint({ isBanned: () => true });
  const socket = await accepted(t);
  assert.equal(made.turnAway(socket), true);
  assert.deepEqual([events.map(({ rule }) => rule), counted()], [['client-banned'], { ' block': 1 }]);
  await once(socket, 'close');
});
