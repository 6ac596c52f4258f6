/** What waits for the answer that a connection still owes, and what ends with it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { suite, type TestContext, test } from 'node:test';
import { inTurn, isBusy } from '../../src/guard/current-exchange.ts';
import { checkpointedServer } from '../support/checkpointed-server.ts';
import { eventually } from '../support/eventually.ts';
import { rawConnection } from '../support/raw-connection.ts';

const host = 'Host: www.example.net\r\n';
const get = `GET / HTTP/1.1\r\n${host}\r\n`;
const tunnel = 'CONNECT mail.example.com:25 HTTP/1.1\r\nHost: mail.example.com:25\r\n\r\n';
const upgrade = `GET / HTTP/1.1\r\n${host}Connection: upgrade\r\nUpgrade: websocket\r\n\r\n`;

/** A server that leaves every answer to the test. */
async function waiting(t: TestContext) {
  const owed: ServerResponse[] = [];
  const { server, port, events } = await checkpointedServer(t, (_, res) => void owed.push(res));
  const client = await rawConnection(t, port);
  const served = (count: number) => eventually(() => owed.length === count, `${count} requests are served`);
  return { client, server, events, owed, served };
}

suite('a connection', () => {
  test('is busy until its answer is sent or given up', async (t) => {
    const { client, owed, served } = await waiting(t);
    client.socket.write(get);
    await served(1);
    const { socket } = owed[0]!.req;
    assert.equal(isBusy(socket), true);
    const finished = Promise.withResolvers<boolean>();
    owed[0]!.once('finish', () => finished.resolve(isBusy(socket)));
    owed[0]!.end();
    assert.equal(await finished.promise, false);
    client.socket.write(get);
    await served(2);
    assert.equal(isBusy(socket), true);
    owed[1]!.destroy();
    assert.equal(isBusy(socket), false);
  });

  test('that owes nothing refuses a tunnel at once', async (t) => {
    const { client, owed, served } = await waiting(t);
    client.socket.write(get);
    await served(1);
    owed[0]!.end('served');
    await client.until(/served/);
    client.socket.write(tunnel);
    await client.until(/HTTP\/1\.1 405 /);
  });

  test('that is no longer busy is not watched for what waited', async (t) => {
    const { client, owed, served } = await waiting(t);
    client.socket.write(get);
    await served(1);
    const { socket } = owed[0]!.req;
    owed[0]!.end('first');
    await client.until(/first$/);
    const idle = socket.listenerCount('close');
    client.socket.write(get);
    await served(2);
    const acted = new Promise<void>((done) => inTurn(socket, done));
    owed[1]!.end();
    await acted;
    assert.equal(socket.listenerCount('close'), idle);
  });

  for (const [what, bytes, expected] of [
    ['a tunnel', tunnel, ['connect']],
    ['an upgrade', upgrade, []],
  ] as const)
    test(`that the client resets while ${what} waits harms nothing`, async (t) => {
      const { client, server, events, owed, served } = await waiting(t);
      server.on('upgrade', () => assert.fail('the application sees it'));
      client.socket.write(get + bytes);
      await served(1);
      const given = once(owed[0]!, 'close');
      client.socket.resetAndDestroy();
      await given;
      await eventually(() => events.length === expected.length, 'what was refused is recorded');
      assert.deepEqual(
        events.map(({ rule }) => rule),
        expected,
      );
    });
});

suite('a request with an Upgrade field that is not an upgrade', () => {
  const odd = `GET / HTTP/1.1\r\n${host}Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n`;

  test('keeps its connection if nothing comes behind it', async (t) => {
    const { client, owed, served } = await waiting(t);
    for (const number of [1, 2]) {
      client.socket.write(odd);
      await served(number);
      owed[number - 1]!.end(`served ${number}`);
      assert.doesNotMatch(await client.until(new RegExp(`served ${number}`)), /Connection: close/);
    }
  });

  for (const [what, later] of [
    ['requests', [get + tunnel]],
    ['malformed bytes', [get, 'A B C D\r\n\r\n']],
  ] as const)
    test(`ends its connection if something does: later ${what} are neither answered nor recorded`, async (t) => {
      const { client, owed, events, served } = await waiting(t);
      client.socket.write(`${odd}GET /dropped HTTP/1.1\r\n${host}\r\n`);
      await served(1);
      const { socket } = owed[0]!.req;
      for (const bytes of later) {
        const read = socket.bytesRead + bytes.length;
        client.socket.write(bytes);
        await eventually(() => socket.bytesRead === read, 'the server has read it');
      }
      owed[0]!.end('served');
      await client.ended;
      assert.match(client.text(), /^HTTP\/1\.1 200 OK\r\n[\s\S]*Connection: close\r\n[\s\S]*served/);
      assert.equal(client.text().match(/HTTP\/1\.1 /g)?.length, 1);
      assert.deepEqual([owed.length, events], [1, []]);
    });

  test('is refused where its own body is malformed', async (t) => {
    const { client, events, served } = await waiting(t);
    client.socket.write(
      `POST / HTTP/1.1\r\n${host}Upgrade: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`,
    );
    await served(1);
    client.socket.write('no length\r\n');
    await client.until(/^HTTP\/1\.1 400 /);
    assert.deepEqual(
      events.map(({ rule }) => rule),
      ['upgrade-unknown', 'framing'],
    );
  });
});

test('a socket of an upgrade in its turn reaches the application with what was read behind it', async (t) => {
  const { client, server, owed, served } = await waiting(t);
  const upgraded = once(server, 'upgrade') as Promise<[unknown, Duplex, Buffer]>;
  client.socket.write(`${get}${upgrade}first bytes`);
  await served(1);
  owed[0]!.end('served');
  const [, socket, rest] = await upgraded;
  assert.equal(rest.toString(), 'first bytes');
  socket.end('upgraded');
  assert.match(await client.until(/upgraded$/), /served[\s\S]*upgraded$/);
});
