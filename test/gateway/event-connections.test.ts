/** Connection facts of events: behind carrier-grade NAT only both ports identify the sender (RFC 6302). */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { certificate } from '../support/certificate.ts';
import { eventually } from '../support/eventually.ts';
import { runGateway, trustedAddress } from '../support/gateway.ts';

const probe = 'GET http://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\n';
const config = `
sites: [{ hosts: [www.example.net], backend: "http://127.0.0.1:9" }]
trustedProxies: [${trustedAddress}]
rateLimit: false
`;

/** Sends it, waits for the end. @returns the port it was sent from */
async function send(socket: Socket, opened: 'connect' | 'secureConnect', bytes: string): Promise<number> {
  await once(socket, opened);
  const { localPort } = socket;
  socket.resume().write(bytes);
  await once(socket, 'close');
  return localPort!;
}

test('an event of plain HTTP has both ends, the protocol and its own session', async (t) => {
  const { port, events } = await runGateway(t, config);
  const from = [
    await send(connect(port, '127.0.0.1'), 'connect', `${probe}\r\n`),
    await send(connect(port, '127.0.0.1'), 'connect', `${probe}\r\n`),
  ];
  assert.deepEqual(
    events.map(({ clientPort, localAddress, localPort, sni, protocol }) => ({
      ...{ clientPort, localAddress, localPort, sni, protocol },
    })),
    from.map((clientPort) => ({
      ...{ clientPort, localAddress: '127.0.0.1', localPort: port, sni: undefined, protocol: 'http/1.1' },
    })),
  );
  assert.equal(new Set(events.map(({ session }) => session)).size, 2);
});

test('a client that resets its connection as soon as it has its answer, as curl does, is recorded with both ends', async (t) => {
  const { port, events } = await runGateway(t, config);
  const from: number[] = [];
  const heads = [
    'CONNECT mx.example.com:25 HTTP/1.1\r\nHost: mx.example.com:25\r\n',
    `${probe}Content-Length: 5\r\n`,
  ];
  for (const head of heads) {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    from.push(socket.localPort!);
    socket.once('data', () => socket.resetAndDestroy()).write(`${head}\r\n`);
    await once(socket, 'close');
  }
  await eventually(() => events.length === heads.length, 'both are recorded', 20_000);
  assert.deepEqual(
    events.map(({ clientPort, localPort, listener }) => ({ clientPort, localPort, listener })),
    from.map((clientPort) => ({ clientPort, localPort: port, listener: `http 127.0.0.1:${port}` })),
  );
});

test('an event of TLS has the server name of the handshake', async (t) => {
  const { cert, key } = await certificate(t, ['www.example.net']);
  const listen = `listen: [{ address: "127.0.0.1:0", tls: { cert: ${cert}, key: ${key} } }]\n`;
  const { port, events } = await runGateway(t, config, listen);
  const socket = connectTls({
    port,
    host: '127.0.0.1',
    servername: 'seeker.example.com',
    rejectUnauthorized: false,
  });
  const from = await send(socket, 'secureConnect', `${probe}\r\n`);
  assert.equal(events.length, 1);
  assert.equal(events[0]!.sni, 'seeker.example.com');
  assert.equal(events[0]!.clientPort, from);
  assert.equal(events[0]!.localPort, port);
});

test("the port of a trusted proxy is never reported as its client's", async (t) => {
  const { port, events } = await runGateway(t, config);
  const socket = connect({ port, host: '127.0.0.1', localAddress: trustedAddress });
  await send(socket, 'connect', `${probe}X-Forwarded-For: 198.51.100.7\r\n\r\n`);
  assert.equal(events[0]!.client, '198.51.100.7');
  assert.equal(events[0]!.clientPort, undefined);
  assert.equal(events[0]!.localPort, port);
});
