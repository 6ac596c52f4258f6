/** The request line against its bytes, anywhere on a connection: after requests that are checked by length, and after those that are not. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { after, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { guard } from '../../plugins/guard.ts';
import { eventually } from '../support/eventually.ts';

const server = createServer((req, res) => {
  req.resume().on('end', () => res.end('served'));
});
guard(server, { hosts: ['www.example.net'] });
await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
const { port } = server.address() as AddressInfo;
after(() => server.close());

const host = 'Host: www.example.net\r\n';
const get = `GET / HTTP/1.1\r\n${host}\r\n`;
const before: Record<string, readonly string[]> = {
  nothing: [],
  'plain requests': [get, get, get],
  'requests in one packet': [get + get],
  'a body with its head': [`POST / HTTP/1.1\r\n${host}Content-Length: 3\r\n\r\nabc`],
  'a body after its head': [`POST / HTTP/1.1\r\n${host}Content-Length: 3\r\n\r\n`, 'abc'],
  'a body in pieces': [`POST / HTTP/1.1\r\n${host}Content-Length: 3\r\n\r\na`, 'bc'],
  'a chunked body': [`POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`],
  'a head in pieces': [get.slice(0, 20), get.slice(20)],
  'no space after a colon': [`GET / HTTP/1.1\r\nHost:www.example.net\r\n\r\n`],
};

suite('a request line that Node reads leniently is recorded', () => {
  for (const [what, pieces] of Object.entries(before))
    for (const line of ['GET  / HTTP/1.1', 'GET /  HTTP/1.1', 'GET / RTSP/1.0'])
      test(`${JSON.stringify(line)} after ${what}`, async () => {
        assert.deepEqual(await statuses([...pieces, `${line}\r\n${host}\r\n`]), [
          ...Array.from({ length: requests(pieces) }, () => 200),
          400,
        ]);
      });
});

suite('an ordinary request line is not recorded', () => {
  for (const [what, pieces] of Object.entries(before))
    test(`after ${what}`, async () => {
      const served = Array.from({ length: requests(pieces) + 1 }, () => 200);
      assert.deepEqual(await statuses([...pieces, get]), served);
    });
});

const requests = (pieces: readonly string[]): number => pieces.join('').split(/(?:HTTP|RTSP)\/1/).length - 1;

/** Statuses of the answers to pieces sent on one connection. */
async function statuses(pieces: readonly string[]): Promise<number[]> {
  const socket = connect(port, '127.0.0.1');
  let answers = '';
  socket.setNoDelay(true).on('data', (data) => {
    answers += data;
  });
  socket.on('error', () => {});
  for (const piece of pieces) {
    socket.write(piece);
    // So that the pieces arrive apart; together they have the same answers.
    await delay(30);
  }
  const expected = requests(pieces);
  const found = () => [...answers.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
  await eventually(() => found().length >= expected, `${expected} answers`);
  socket.destroy();
  return found();
}
