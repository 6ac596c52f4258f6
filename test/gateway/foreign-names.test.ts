/** TLS for a server name that is none of ours: reported with the first request of the connection, or at its end. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { after, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import type { ProbeEvent } from '../../src/events/event.ts';
import { preface, settingsFrame } from '../../src/wire/h2-frames.ts';
import { headers, pseudo } from '../http2/raw-http2.ts';
import { certificate } from '../support/certificate.ts';
import { clientHello } from '../support/client-hello.ts';
import { runGateway } from '../support/gateway.ts';
import { recordingBackend } from '../support/recording-backend.ts';

const owner = { after };
const backend = await recordingBackend(owner);
const { cert, key } = await certificate(owner, ['www.example.net']);
const sites = (policy: string): string =>
  `sites: [{ hosts: [www.example.net, "*.shop.example.net"], backend: "${backend.url}" }]\nbans: false\nrateLimit: false\n${policy}`;
const listen = `listen: [{ address: "127.0.0.1:0", tls: { cert: ${cert}, key: ${key} } }, "127.0.0.1:0"]\n`;
const gateway = await runGateway(owner, sites(''), listen);
const strict = await runGateway(owner, sites('policy: { rules: { sni-foreign: block } }'), listen);
const portOf = (listeners: readonly string[], scheme: string): number =>
  Number(/:(\d+)$/.exec(listeners.find((name) => name.startsWith(`${scheme} `))!)![1]);
const secure = (of: typeof gateway): number => portOf(of.gateway.listeners, 'https');
const plain = portOf(gateway.gateway.listeners, 'http');

async function agreed(port: number, servername: string, protocol = 'http/1.1'): Promise<TLSSocket> {
  const options = {
    port,
    host: '127.0.0.1',
    servername,
    ALPNProtocols: [protocol],
    rejectUnauthorized: false,
  };
  const socket = connect(options as unknown as ConnectionOptions);
  socket.on('error', () => {});
  await once(socket, 'secureConnect', { signal: AbortSignal.timeout(20_000) });
  return socket;
}

async function ask(socket: TLSSocket, host: string, ...fields: string[]): Promise<string> {
  socket.write(`GET / HTTP/1.1\r\n${[`Host: ${host}`, ...fields].join('\r\n')}\r\n\r\n`);
  const [bytes] = await once(socket, 'data', { signal: AbortSignal.timeout(20_000) });
  return (bytes as Buffer).toString('latin1').slice(9, 12);
}

/** All events, once no more are expected. */
async function eventsOf(
  of: typeof gateway,
  action: () => Promise<unknown>,
  expected: number,
): Promise<ProbeEvent[]> {
  const before = of.events.length;
  await action();
  for (let i = 0; i < 200 && of.events.length < before + expected; i++) await delay(10);
  if (expected === 0) await delay(100);
  return of.events.slice(before);
}

suite('a TLS hello for a name that is none of ours', () => {
  test('is flagged once, with the first request of the connection', async () => {
    const statuses: string[] = [];
    const events = await eventsOf(
      gateway,
      async () => {
        const socket = await agreed(secure(gateway), 'www.example.com');
        statuses.push(await ask(socket, 'www.example.net'), await ask(socket, 'www.example.net'));
        socket.destroy();
        await delay(100);
      },
      1,
    );
    assert.deepEqual(statuses, ['200', '200']);
    assert.deepEqual(
      events.map(({ rule, action, counts, sni, destination }) => [rule, action, counts, sni, destination]),
      [['sni-foreign', 'flag', false, 'www.example.com', 'www.example.com:443']],
    );
  });

  test('is reported beside the rule that refuses the request', async () => {
    const [event, ...more] = await eventsOf(
      gateway,
      async () => {
        const socket = await agreed(secure(gateway), 'www.example.com');
        assert.equal(await ask(socket, 'www.example.com'), '421');
        socket.destroy();
        await delay(100);
      },
      1,
    );
    assert.equal(event?.rule, 'host-foreign');
    assert.deepEqual(event?.rules, ['host-foreign', 'sni-foreign']);
    assert.deepEqual(more, []);
  });

  test('is reported over HTTP/2', async () => {
    const [event] = await eventsOf(
      gateway,
      async () => {
        const socket = await agreed(secure(gateway), 'mail.example.com', 'h2');
        socket.write(preface + settingsFrame([]) + headers(1, pseudo()), 'latin1');
        await delay(150);
        socket.destroy();
      },
      1,
    );
    assert.deepEqual([event?.rule, event?.sni, event?.protocol], ['sni-foreign', 'mail.example.com', 'h2']);
  });

  test('is reported where the connection ends without a request', async () => {
    const [event, ...more] = await eventsOf(
      gateway,
      async () => {
        const socket = await agreed(secure(gateway), 'metadata.google.internal');
        // The session tickets show that the server has finished its handshake too.
        await once(socket, 'session', { signal: AbortSignal.timeout(20_000) });
        socket.destroy();
      },
      1,
    );
    assert.deepEqual(
      [event?.rule, event?.action, event?.counts, event?.intent, event?.answer, event?.protocol],
      ['sni-foreign', 'flag', false, 'metadata', null, 'tls'],
    );
    assert.match(event!.listener, /^https /);
    assert.equal(event?.client, '127.0.0.1');
    assert.ok((event?.clientPort ?? 0) > 0);
    assert.deepEqual(more, []);
  });

  test('is reported where the TLS handshake fails', async () => {
    const hello = await clientHello('www.example.com');
    const [event] = await eventsOf(
      gateway,
      async () => {
        const socket = connectTcp(secure(gateway), '127.0.0.1');
        socket.on('error', () => {});
        socket.write(hello);
        await once(socket, 'data', { signal: AbortSignal.timeout(20_000) });
        socket.resetAndDestroy();
      },
      1,
    );
    assert.deepEqual([event?.rule, event?.sni], ['sni-foreign', 'www.example.com']);
  });

  test('is refused with 421 if the policy says so, and never counts towards a ban', async () => {
    const events = await eventsOf(
      strict,
      async () => {
        const socket = await agreed(secure(strict), 'www.example.com');
        assert.equal(await ask(socket, 'www.example.net'), '421');
        socket.destroy();
      },
      1,
    );
    assert.deepEqual(
      events.map(({ rule, action, counts }) => [rule, action, counts]),
      [['sni-foreign', 'block', false]],
    );
  });

  for (const [what, servername] of [
    ['one of ours', 'www.example.net'],
    ['one of ours in capitals', 'WWW.Example.Net'],
    ['one of ours by a wildcard', 'tea.shop.example.net'],
    ['none', ''],
  ] as const)
    test(`${what} is not reported`, async () => {
      const events = await eventsOf(
        gateway,
        async () => {
          const socket = await agreed(secure(gateway), servername);
          assert.equal(await ask(socket, 'www.example.net'), '200');
          socket.destroy();
          (await agreed(secure(gateway), servername)).destroy();
        },
        0,
      );
      assert.deepEqual(events, []);
    });

  test('on a plain HTTP port the server name is the destination', async () => {
    const hello = await clientHello('www.example.com');
    const [event] = await eventsOf(
      gateway,
      async () => {
        const socket = connectTcp(plain, '127.0.0.1');
        socket.on('error', () => {});
        socket.write(hello);
        await once(socket, 'data', { signal: AbortSignal.timeout(20_000) });
        socket.destroy();
      },
      1,
    );
    assert.deepEqual([event?.rule, event?.destination], ['tls-on-plaintext', 'www.example.com:443']);
  });
});
