/** The checkpoint of a Node server: what is counted and timed, and requests that did not come from a connection. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { IncomingMessage, type OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { suite, test } from 'node:test';
import { guard } from '../../plugins/guard.ts';
import { Counters } from '../../src/events/counters.ts';
import type { ProbeEvent } from '../../src/events/event.ts';
import { certificate } from '../support/certificate.ts';
import { checkpointedServer } from '../support/checkpointed-server.ts';
import { eventually } from '../support/eventually.ts';
import { compiled, corpusPolicy } from '../support/policy.ts';
import { exchange } from '../support/raw-client.ts';

const get = (host: string, target = '/') =>
  `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;

suite('a request', () => {
  test('is counted once by its site and verdict, however often it is asked about', async (t) => {
    const counters = new Counters();
    const { port, checkpoint, events } = await checkpointedServer(
      t,
      (req, res) => {
        const [once, again] = [checkpoint.judge(req), checkpoint.judge(req)];
        assert.equal(once, again);
        res.end();
      },
      { counters },
    );
    await exchange(port, get('www.example.net'));
    await exchange(port, get('www.example.net', '//evil.example/'));
    await exchange(port, get('www.example.com'));
    assert.deepEqual(
      counters
        .snapshot()
        .requests.filter(({ count }) => count > 0)
        .map(({ site, verdict, count }) => [site, verdict, count]),
      [
        ['www.example.net', 'allow', 1],
        ['www.example.net', 'flag', 1],
        ['', 'block', 1],
      ],
    );
    assert.deepEqual(
      events.map(({ action }) => action),
      ['flag', 'block'],
    );
  });

  for (const again of [false, true])
    test(`that is an upgrade and flagged is recorded once${again ? ', also where the app asks again' : ''}`, async (t) => {
      const { server, port, events, checkpoint } = await checkpointedServer(t);
      server.on('upgrade', (req, socket) => {
        if (again) assert.equal(checkpoint.admit(req, new ServerResponse(req)), true);
        socket.end('upgraded');
      });
      const handshake = get('www.example.net', '//evil.example/').replace(
        'Connection: close',
        'Connection: upgrade\r\nUpgrade: websocket',
      );
      assert.equal((await exchange(port, handshake)).text, 'upgraded');
      assert.deepEqual(
        events.map(({ rule, action }) => [rule, action]),
        [['url-in-path', 'flag']],
      );
    });

  test('is timed if it is the first of sixteen, in seconds', async (t) => {
    const counters = new Counters();
    const { checkpoint } = await checkpointedServer(t, undefined, { counters });
    let now = 5000;
    // Each look at the clock finds it 250 ms later.
    t.mock.method(performance, 'now', () => (now += 250));
    const judge = () => {
      const req = { method: 'GET', url: '/', httpVersion: '1.1', headers: { host: 'www.example.net' } };
      checkpoint.judge(req as never);
      const { counts, sum } = counters.snapshot().judge;
      return [counts.reduce((all, count) => all + count), sum];
    };
    const found = Array.from({ length: 17 }, judge);
    assert.deepEqual(
      [found[0], found[15], found[16]],
      [
        [1, 0.25],
        [1, 0.25],
        [2, 0.5],
      ],
    );
  });
});

suite('a request that did not come from a connection', () => {
  const standIn = (host: string, headers: OutgoingHttpHeaders = {}) =>
    ({
      method: 'GET',
      url: '/',
      httpVersion: '1.1',
      headers: { host, ...headers },
    }) as unknown as IncomingMessage;

  for (const headers of [{}, { upgrade: 'websocket', connection: 'upgrade' }])
    test(`is judged without a socket, ${JSON.stringify(headers)}`, async (t) => {
      const seen: string[] = [];
      const { server, events } = await checkpointedServer(t, (req) => void seen.push(req.headers.host!));
      const answered = (host: string) => {
        const req = standIn(host, headers);
        const res = new ServerResponse(req);
        server.emit('request', req, res);
        return res.statusCode;
      };
      assert.deepEqual([answered('www.example.net'), answered('www.example.com')], [200, 421]);
      assert.deepEqual([seen, events.map(({ rule }) => rule)], [['www.example.net'], ['host-foreign']]);
    });

  // As serverless-http and serverless-express make them: an IncomingMessage without raw headers, on a stream instead of a socket.
  for (const upgrade of [{}, { upgrade: 'websocket', connection: 'upgrade' }])
    test(`is judged by its parsed headers, ${JSON.stringify(upgrade)}`, async (t) => {
      const { server, events } = await checkpointedServer(t);
      const answered = async (host: string) => {
        const req = Object.assign(new IncomingMessage(new PassThrough() as never), {
          ...{ method: 'POST', url: '/', httpVersion: '1.1', complete: true },
          headers: { host, 'content-length': 2, ...upgrade },
        });
        const res = new ServerResponse(req as never);
        const body = new PassThrough();
        res.assignSocket(body as never);
        server.emit('request', req, res);
        if (!res.writableFinished) await once(res, 'finish');
        return res.statusCode;
      };
      assert.deepEqual([await answered('www.example.net'), await answered('www.example.com')], [200, 421]);
      assert.deepEqual(
        events.filter(({ action }) => action === 'block').map(({ rule }) => rule),
        ['host-foreign'],
      );
    });

  test('reaches the upgrade listener of the app at once', async (t) => {
    const { server } = await checkpointedServer(t);
    const seen: unknown[] = [];
    server.on('upgrade', (...args) => seen.push(args));
    const args = [standIn('localhost', { upgrade: 'websocket', connection: 'upgrade' }), {}, Buffer.alloc(0)];
    server.emit('upgrade', ...args);
    assert.deepEqual(seen, [args]);
  });
});

suite('a refusal', () => {
  test('has the fields of its caller, and offers the methods of the site', async (t) => {
    const { policy } = compiled(
      'sites: [{ hosts: [www.example.net], backend: welcome, policy: { methods: [GET, HEAD] } }]',
    );
    const { port, checkpoint } = await checkpointedServer(
      t,
      (req, res) => {
        const { verdict } = checkpoint.judge(req);
        checkpoint.refuse(req, res, { ...verdict, rule: 'rate-limited', answer: 429 }, ['Retry-After', '7']);
      },
      { policy },
    );
    const limited = (await exchange(port, get('www.example.net'))).responses[0]!;
    assert.deepEqual([limited.status, limited.headers.get('retry-after')], [429, ['7']]);
    assert.match(limited.body.toString(), /\[rate-limited\]/);
    const traced = (await exchange(port, get('www.example.net').replace('GET', 'TRACE'))).responses[0]!;
    assert.deepEqual([traced.status, traced.headers.get('allow')], [405, ['GET, HEAD']]);
  });

  test('that is no answer asks for no words', async (t) => {
    const { policy } = corpusPolicy('policy: { rules: { host-foreign: { answer: drop } } }');
    const asked: ProbeEvent[] = [];
    const answer = (event: ProbeEvent) => {
      asked.push(event);
      return undefined;
    };
    const { port, events } = await checkpointedServer(t, undefined, { policy, answer });
    assert.equal((await exchange(port, get('www.example.com'))).text, '');
    assert.deepEqual([events.length, asked], [1, []]);
  });
});

test('a foreign name in a TLS hello is recorded with the first request', async (t) => {
  const { cert, key } = await certificate(t, ['www.example.net']);
  const server = createHttpsServer({ cert: readFileSync(cert), key: readFileSync(key) }, (_, res) =>
    res.end(),
  );
  const events: ProbeEvent[] = [];
  guard(server, { hosts: ['www.example.net'], onProbe: (event) => events.push(event) });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  for (const servername of ['www.example.com', 'www.example.net'])
    await exchange(port, get('www.example.net'), { tls: { servername } });
  await eventually(() => events.length > 0, 'it is recorded');
  assert.deepEqual(
    events.map(({ rule, sni }) => [rule, sni]),
    [['sni-foreign', 'www.example.com']],
  );
});
