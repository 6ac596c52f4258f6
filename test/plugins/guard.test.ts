/** `guard` does for plain Node servers what relayGuard does for Fastify apps. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { connect, createServer as createHttp2Server, createSecureServer } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, suite, type TestContext, test } from 'node:test';
import { type GuardOptions, guard } from '../../plugins/guard.ts';
import type { ProbeEvent } from '../../src/events/event.ts';
import type { HttpServer } from '../../src/guard/server-events.ts';
import { certificate } from '../support/certificate.ts';
import { eventually } from '../support/eventually.ts';
import { exchange, type RawOptions } from '../support/raw-client.ts';

const own = 'www.example.net';
const hello: RequestListener = (req, res) => void res.end(`hello ${req.url} of ${req.headers.host}`);
const head = (...lines: string[]): string => `${lines.join('\r\n')}\r\n\r\n`;
const get = (target: string, host = own): string =>
  head(`GET ${target} HTTP/1.1`, `Host: ${host}`, 'Connection: close');

async function listening(t: TestContext, server: HttpServer): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

const statuses = async (port: number, requests: readonly string[], options: RawOptions = {}) => {
  const all: number[] = [];
  for (const request of requests) all.push((await exchange(port, request, options)).responses[0]!.status);
  return all;
};

suite('guard', () => {
  let tls: { cert: Buffer; key: Buffer };
  before(async () => {
    const { cert, key } = await certificate({ after }, [own]);
    tls = { cert: readFileSync(cert), key: readFileSync(key) };
  });

  const probes = [get('/a'), get('/a', 'www.example.com'), get('http://www.example.com/', 'www.example.com')];
  const tunnel = head('CONNECT mail.example.com:25 HTTP/1.1', 'Host: mail.example.com:25');

  for (const [name, make] of [
    ['node:http', () => createServer(hello)],
    ['node:https', () => createHttpsServer(tls, hello)],
    ['node:http2 that takes HTTP/1', () => createSecureServer({ ...tls, allowHTTP1: true }, hello as never)],
  ] as const)
    test(`refuses probes on a ${name} server`, async (t) => {
      const server = make();
      const events: ProbeEvent[] = [];
      guard(server, { hosts: [own], onProbe: (event) => events.push(event) });
      const port = await listening(t, server);
      const options = name === 'node:http' ? {} : { tls: { ALPNProtocols: ['http/1.1'] } };
      assert.deepEqual(await statuses(port, [...probes, tunnel], options), [200, 421, 421, 405]);
      await eventually(() => events.length === 3, 'an event for each');
      assert.deepEqual(
        events.map(({ rule }) => rule),
        ['host-foreign', 'absolute-form-foreign', 'connect'],
      );
    });

  for (const [name, make] of [
    ['without TLS', () => createHttp2Server(hello as never)],
    ['with TLS', () => createSecureServer(tls, hello as never)],
  ] as const)
    test(`refuses probes over HTTP/2 ${name}`, async (t) => {
      const server = make();
      guard(server, { hosts: [own] });
      const port = await listening(t, server);
      const session = connect(`${name === 'with TLS' ? 'https' : 'http'}://127.0.0.1:${port}`, {
        rejectUnauthorized: false,
      });
      session.on('error', () => {});
      t.after(() => session.destroy());
      const answered: unknown[] = [];
      for (const authority of [own, 'www.example.com']) {
        const [response] = await once(
          session.request({ ':path': '/a', ':authority': authority }),
          'response',
        );
        answered.push(response[':status']);
      }
      assert.deepEqual(answered, [200, 421]);
    });

  test("learns the server's port, whether attached before or after listening", async (t) => {
    for (const late of [false, true]) {
      const server = createServer(hello);
      if (!late) guard(server, { hosts: [own] });
      const port = await listening(t, server);
      if (late) guard(server, { hosts: [own] });
      const { responses } = await exchange(port, get(`http://${own}:${port}/a`, `${own}:${port}`));
      assert.equal(responses[0]!.body.toString(), `hello /a of ${own}:${port}`);
    }
  });

  test('judges, takes new options, and detaches', async (t) => {
    const judged: string[] = [];
    const server = createServer((req, res) => {
      judged.push(standing.judge(req).verdict.action);
      res.end();
    });
    const standing = guard(server, { hosts: [own] });
    const port = await listening(t, server);
    const both = [get('/'), get('/', 'www.example.com')];
    assert.deepEqual(await statuses(port, both), [200, 421]);
    standing.replace({ hosts: ['www.example.com'] });
    assert.deepEqual(await statuses(port, both), [421, 200]);
    assert.throws(() => standing.replace({ hosts: [] }), { code: 'SEKISHO_ERR_CONFIG' });
    assert.deepEqual(await statuses(port, both), [421, 200]);
    standing.detach();
    assert.deepEqual(await statuses(port, both), [200, 200]);
    // Node's own answer to CONNECT, as without a guard.
    assert.deepEqual((await exchange(port, tunnel)).responses, []);
    guard(server, { hosts: [own] });
    assert.deepEqual(await statuses(port, both), [200, 421]);
    assert.deepEqual(judged.slice(0, 2), ['allow', 'allow']);
  });

  test('reports wrong options, and a second guard on one server', () => {
    const server = createServer();
    const wrong = { hots: [own], trustedProxies: 'inherit' } as unknown as GuardOptions;
    assert.throws(
      () => guard(server, wrong),
      ({ message }: Error) =>
        /^hots: /m.test(message) &&
        /^hosts: is missing/m.test(message) &&
        /^trustedProxies: "inherit"/m.test(message),
    );
    guard(server, { hosts: [own] });
    assert.throws(() => guard(server, { hosts: [own] }), { code: 'SEKISHO_ERR_GUARDED_ALREADY' });
  });
});
