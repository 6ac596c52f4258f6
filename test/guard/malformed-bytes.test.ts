/** Malformed bytes on a connection of a Node server behind the checkpoint. */
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { suite, type TestContext, test } from 'node:test';
import { checkpointedServer } from '../support/checkpointed-server.ts';
import { eventually } from '../support/eventually.ts';
import { rawConnection } from '../support/raw-connection.ts';

async function checkpoint(t: TestContext, serve = (res: ServerResponse): unknown => res.end('served')) {
  /** Parser errors that reach the application. */
  const errors: unknown[] = [];
  const { server, events, port } = await checkpointedServer(t, (_, res) => void serve(res));
  server.on('clientError', (error) => errors.push(error));
  return { client: await rawConnection(t, port), events, errors, server };
}

const malformed = 'GET / HTTP/1.1\r\nHost: www.example.net\r\nA B: c\r\n\r\n';

suite('malformed bytes', () => {
  test('are recorded once, and the application does not see parser errors on what follows', async (t) => {
    const { client, events, errors } = await checkpoint(t);
    client.socket.write(malformed);
    await client.until(/^HTTP\/1\.1 400 /);
    client.socket.end('more that is malformed\r\n\r\n');
    await client.closed;
    assert.deepEqual([events.map(({ rule }) => rule), errors], [['framing'], []]);
  });

  test('in a chunked body are not read as a request', async (t) => {
    const { client, events } = await checkpoint(t);
    client.socket.write('POST / HTTP/1.1\r\nHost: www.example.net\r\nTransfer-Encoding: chunked\r\n\r\n');
    await client.until(/served$/);
    client.socket.write('GET http://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\n\r\n');
    await eventually(() => events.length > 0, 'the fault is recorded');
    assert.deepEqual(
      events.map(({ rule, rules }) => [rule, rules]),
      [['framing', ['framing']]],
    );
  });

  test('in the body of a request whose answer has begun cut that answer off: a 400 would become part of it', async (t) => {
    const { client, events } = await checkpoint(t, (res) => res.writeHead(200).write('begun'));
    client.socket.write('POST / HTTP/1.1\r\nHost: www.example.net\r\nTransfer-Encoding: chunked\r\n\r\n');
    await client.until(/begun\r\n$/);
    client.socket.write('no length\r\n');
    await client.ended;
    assert.match(client.text(), /begun\r\n$/);
    assert.equal(events.length, 1);
  });

  test('get the answer of their rule', async (t) => {
    const { client, events } = await checkpoint(t);
    client.socket.write('CONNECT mail.example.com:25 HTTP/1.1\r\nA B: c\r\n\r\n');
    assert.match(await client.until(/\]/), /^HTTP\/1\.1 405 [\s\S]*\[connect\]/);
    assert.equal(events[0]!.rule, 'connect');
  });

  test('behind a request in one packet are recorded without it, and as no other protocol', async (t) => {
    for (const [bytes, recorded] of [
      [malformed, /^GET \/ HTTP\/1\.1\\r\\nHost: www\.example\.net\\r\\nA B: c/],
      ['\x05\x01\x00', /^\\x05\\x01\\x00$/],
    ] as const) {
      const { client, events } = await checkpoint(t);
      client.socket.write(`GET /before HTTP/1.1\r\nHost: www.example.net\r\n\r\n${bytes}`, 'latin1');
      await eventually(() => events.length > 0, 'they are recorded');
      assert.equal(events[0]!.rule, 'framing');
      assert.match(events[0]!.bytes, recorded);
    }
  });

  test('an end in the middle of a head is left to the application, and not recorded', async (t) => {
    const { client, events, errors } = await checkpoint(t);
    client.socket.end('GET / HTTP/1.1\r\nHo');
    await eventually(() => errors.length === 1, 'the application sees it');
    assert.deepEqual(events, []);
  });

  test('on a connection that can carry no answer are left to the application, and not recorded', async (t) => {
    const { server, events, errors } = await checkpoint(t);
    const error = Object.assign(new Error('refused'), { rawPacket: Buffer.from(malformed) });
    server.emit('clientError', error, new Socket().destroy());
    assert.deepEqual([events, errors], [[], [error]]);
  });

  test('after an answered request get their 400', async (t) => {
    const { client, events } = await checkpoint(t);
    client.socket.write('GET / HTTP/1.1\r\nHost: www.example.net\r\n\r\n');
    await client.until(/served$/);
    client.socket.write(malformed);
    await client.until(/served[\s\S]*HTTP\/1\.1 400 /);
    assert.equal(events.length, 1);
  });

  test('a head that is too long is recorded, and answered by Node', async (t) => {
    const { client, events, errors } = await checkpoint(t);
    client.socket.write(`GET / HTTP/1.1\r\nHost: www.example.net\r\nX: ${'x'.repeat(20_000)}`);
    await eventually(() => errors.length === 1, 'the application sees it');
    assert.deepEqual(
      events.map(({ rule, counts }) => [rule, counts]),
      [['header-overflow', false]],
    );
  });

  test('a refused upgrade is answered and recorded, and what follows it is not a request', async (t) => {
    const { client, events, server } = await checkpoint(t);
    server.on('upgrade', () => assert.fail('the application sees it'));
    const next = 'GET / HTTP/1.1\r\nHost: www.example.net\r\n\r\n';
    client.socket.write(
      `GET / HTTP/1.1\r\nHost: www.example.com\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n${next}`,
    );
    client.socket.end();
    await client.ended;
    assert.match(client.text(), /^HTTP\/1\.1 421 /);
    assert.doesNotMatch(client.text(), /served/);
    assert.deepEqual(
      events.map(({ rule }) => rule),
      ['host-foreign'],
    );
  });

  test('a request after a refused one on its connection is not served', async (t) => {
    const { client, events } = await checkpoint(t);
    const request = (host: string): string => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
    client.socket.end(request('www.example.com') + request('www.example.net') + request('www.example.com'));
    await client.ended;
    assert.equal(client.text().match(/HTTP\/1\.1 /g)?.length, 1);
    assert.match(client.text(), /^HTTP\/1\.1 421 /);
    assert.equal(events.length, 1);
  });

  test('after a request that is being served get their 400 after its answer', async (t) => {
    const waiting: ServerResponse[] = [];
    const { client, events } = await checkpoint(t, (res) => waiting.push(res));
    client.socket.write(`GET / HTTP/1.1\r\nHost: www.example.net\r\n\r\n${malformed}`);
    await eventually(() => waiting.length === 1, 'the request is served');
    waiting[0]!.end('served');
    const text = await client.until(/HTTP\/1\.1 400 /);
    assert.match(text, /^HTTP\/1\.1 200 [\s\S]*served[\s\S]*HTTP\/1\.1 400 /);
    assert.deepEqual(
      events.map(({ rule }) => rule),
      ['framing'],
    );
  });

  test('of another protocol are named by it only at the start of a connection', async (t) => {
    const socks = Buffer.from([5, 1, 0]);
    const first = await checkpoint(t);
    first.client.socket.write(socks);
    await eventually(() => first.events.length > 0, 'the first bytes are recorded');
    const later = await checkpoint(t);
    later.client.socket.write('GET / HTTP/1.1\r\nHost: www.example.net\r\n\r\n');
    await later.client.until(/served$/);
    later.client.socket.write(socks);
    await eventually(() => later.events.length > 0, 'the later bytes are recorded');
    assert.deepEqual([first.events[0]!.rule, later.events[0]!.rule], ['socks5', 'framing']);
  });

  test('are found after empty lines, which are ignored before a request line', async (t) => {
    const { client, events } = await checkpoint(t);
    client.socket.write('\r\n\r\nGET / HTTP/1.1\r\nHost: www.example.net\r\n\r\n');
    await client.until(/served$/);
    assert.deepEqual(events, []);
    client.socket.write('\r\nGET  / HTTP/1.1\r\nHost: www.example.net\r\n\r\n');
    await client.until(/HTTP\/1\.1 400 /);
  });

  test('CONNECT after a request that is being served is refused after its answer', async (t) => {
    const waiting: ServerResponse[] = [];
    const { client } = await checkpoint(t, (res) => waiting.push(res));
    const tunnel = 'CONNECT mail.example.com:25 HTTP/1.1\r\nHost: mail.example.com:25\r\n\r\n';
    client.socket.write(`GET / HTTP/1.1\r\nHost: www.example.net\r\n\r\n${tunnel}`);
    await eventually(() => waiting.length === 1, 'the request is served');
    waiting[0]!.end('served');
    const text = await client.until(/HTTP\/1\.1 405 /);
    assert.match(text, /^HTTP\/1\.1 200 [\s\S]*served[\s\S]*HTTP\/1\.1 405 /);
  });
});
