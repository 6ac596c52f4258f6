/** A banned client at the checkpoint: its bytes are not inspected, and it is recorded as banned. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { suite, test } from 'node:test';
import { pino } from 'pino';
import { parseConfig } from '../../src/config/load.ts';
import type { ProbeEvent } from '../../src/events/event.ts';
import { ServerCheckpoint } from '../../src/guard/server-checkpoint.ts';
import { judge } from '../../src/judge.ts';
import { startGateway } from '../../src/program/gateway.ts';
import type { Owner } from '../support/owner.ts';
import { corpusPolicy } from '../support/policy.ts';
import { exchange } from '../support/raw-client.ts';
import { rawConnection } from '../support/raw-connection.ts';

const { policy, clients } = corpusPolicy();

function checkpoint(banned = true) {
  const events: ProbeEvent[] = [];
  const guard = new ServerCheckpoint({
    policy,
    clients,
    isBanned: () => banned,
    onEvent: (event) => events.push(event),
    onError: (error) => assert.fail(String(error)),
  });
  return { guard, events };
}

async function listening(owner: Owner, server: ReturnType<typeof createTcpServer>): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  owner.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

suite('a banned client', () => {
  test('is refused over HTTP, and its event does not say what it wanted', async (t) => {
    const { guard, events } = checkpoint();
    const server = createServer((_, res) => res.end('served'));
    guard.attach(server);
    const port = await listening(t, server);
    const mail = 'CONNECT mail.example.com:25 HTTP/1.1\r\nHost: mail.example.com:25\r\n\r\n';
    assert.match((await exchange(port, mail)).text, /^HTTP\/1\.1 403 /);
    const long = `GET /?password=secret HTTP/1.1\r\nHost: www.example.net\r\nX: ${'x'.repeat(9000)}\r\n\r\n`;
    assert.match((await exchange(port, long)).text, /^HTTP\/1\.1 403 /);
    for (const { rule, rules, destination, why, counts } of events)
      assert.deepEqual(
        { rule, rules, destination, why, counts },
        {
          ...{ rule: 'client-banned', rules: ['client-banned'], destination: null, counts: false },
          why: 'The sender wanted to be served in spite of a ban.',
        },
      );
    assert.equal(events[1]!.bytes, 'GET /?password=[redacted] HTTP/1.1');
  });

  test('can be turned away before anything is read; other clients are not', async (t) => {
    for (const banned of [true, false]) {
      const { guard, events } = checkpoint(banned);
      const server = createTcpServer((socket) => {
        if (!guard.turnAway(socket)) socket.end('read on');
      });
      const { text } = await exchange(await listening(t, server), '');
      assert.match(text, banned ? /^HTTP\/1\.1 403 / : /^read on$/);
      assert.deepEqual(
        events.map(({ rule }) => rule),
        banned ? ['client-banned'] : [],
      );
    }
  });

  test('behind a trusted proxy or on the allow-list is not turned away unread', () => {
    const { guard } = checkpoint();
    for (const remoteAddress of ['127.0.0.2', '127.0.0.3'])
      assert.equal(guard.turnAway({ remoteAddress } as never), false, remoteAddress);
  });

  test('is refused without the judge reading its request', () => {
    const unread = new Proxy([], {
      get: () => assert.fail('a header was read'),
    });
    const request = { method: 'GET', target: 'http://a/', version: '1.1', rawHeaders: unread };
    const verdict = judge(request, policy, { trusted: false, allowed: false, banned: true });
    assert.deepEqual([verdict.action, verdict.answer, verdict.rule], ['block', 403, 'client-banned']);
  });

  test('behind a trusted proxy is refused after its head: the body is neither kept nor awaited', async (t) => {
    const events: ProbeEvent[] = [];
    const gateway = await startGateway(
      parseConfig(
        'listen: ["127.0.0.1:0"]\nsites: [{ hosts: [www.example.net], backend: welcome }]\ntrustedProxies: [127.0.0.2]\n',
        '.',
      ),
      {
        log: pino({ level: 'silent' }),
        isBanned: (prefix) => prefix === '203.0.113.9/32',
        onEvent: (event) => events.push(event),
      },
    );
    t.after(() => gateway.close(0));
    const port = Number(gateway.listeners[0]!.split(':').at(-1));
    const proxy = await rawConnection(t, port, '127.0.0.1', '127.0.0.2');
    const head = `POST /upload HTTP/1.1\r\nHost: www.example.net\r\nX-Forwarded-For: 203.0.113.9\r\nX-Long: ${'x'.repeat(9000)}\r\n`;
    proxy.socket.write(`${head}Content-Length: 100000\r\n\r\n${'intent=mail '.repeat(100)}`);
    await proxy.until(/^HTTP\/1\.1 403 /);
    assert.deepEqual(
      events.map(({ client, rule, bytes }) => [client, rule, bytes]),
      [['203.0.113.9', 'client-banned', 'POST /upload HTTP/1.1']],
      'recorded before the rest has arrived',
    );
    const other = await exchange(
      port,
      'GET / HTTP/1.1\r\nHost: www.example.net\r\nConnection: close\r\n\r\n',
    );
    assert.equal(other.responses[0]?.status, 200);
  });
});
