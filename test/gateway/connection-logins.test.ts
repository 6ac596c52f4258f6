/**
 * NTLM and Negotiate log in the connection: every request on it counts as the logged-in user's. So it serves that client only, and
 * the client gets it again.
 */
import assert from 'node:assert/strict';
import { after, suite, type TestContext, test } from 'node:test';
import { hostLine } from '../support/behind-gateway.ts';
import { certificate } from '../support/certificate.ts';
import { eventually } from '../support/eventually.ts';
import { runGateway } from '../support/gateway.ts';
import { http2Request, http2Session } from '../support/http2-client.ts';
import type { Owner } from '../support/owner.ts';
import { type RawBackend, rawBackend } from '../support/raw-backend.ts';
import { rawConnection } from '../support/raw-connection.ts';

const crashes: unknown[] = [];
process.on('uncaughtExceptionMonitor', (error) => crashes.push(error));
process.on('warning', (warning) => crashes.push(warning));
after(() => assert.deepEqual(crashes, [], 'nothing crashed or warned'));

/** Answers with the user logged in on the connection; the second message of the scheme logs in. As IIS and Apache with mod_auth_ntlm. */
const loginServer = (owner: Owner, scheme = 'NTLM'): Promise<RawBackend> =>
  rawBackend(owner, ({ socket, text }) => {
    let user = 'nobody';
    let seen = 0;
    const say = (status: string, body: string, more = ''): boolean =>
      socket.write(`HTTP/1.1 ${status}\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`);
    socket.on('data', () => {
      const rest = text().slice(seen);
      if (!rest.endsWith('\r\n\r\n')) return;
      seen = text().length;
      const [, token] = /^authorization: *\w+ (\w+)/im.exec(rest) ?? [];
      if (token === 'one') say('401 Go on', 'challenge', `WWW-Authenticate: ${scheme} two\r\n`);
      else if (token?.startsWith('three')) {
        user = token.slice('three'.length);
        say('200 OK', `welcome ${user}`);
      } else if (/^\w+ \/private /.test(rest) && user === 'nobody')
        say('401 Who', 'who', `WWW-Authenticate: Basic realm="a, b"\r\nWWW-Authenticate: ${scheme}\r\n`);
      else say('200 OK', `for ${user}`);
    });
  });

const config = (backends: readonly RawBackend[], more = ''): string => `
sites: [{ hosts: [www.example.net], backends: [${backends.map(({ url }) => `{ url: "${url}" }`).join(', ')}], ${more} }]
rateLimit: false
`;

/** A client connection; each call sends a request on it and returns the body of the answer. */
async function client(t: TestContext, port: number) {
  const connection = await rawConnection(t, port);
  let seen = 0;
  return {
    socket: connection.socket,
    async get(path: string, more = '', method = 'GET'): Promise<string> {
      connection.socket.write(
        `${method} ${path} HTTP/1.1\r\n${hostLine}${more}\r\n${method === 'POST' ? '0\r\n\r\n' : ''}`,
      );
      const whole = /\r\n\r\n(?:[^\r]+)$/;
      while (!whole.test(connection.text().slice(seen))) {
        const length = connection.text().length;
        await connection.until(new RegExp(`^[\\s\\S]{${length + 1},}`));
      }
      const answer = connection.text().slice(seen);
      seen = connection.text().length;
      return answer.split('\r\n\r\n').at(-1)!;
    },
    async login(name: string, scheme = 'NTLM'): Promise<void> {
      assert.equal(await this.get('/private', `Authorization: ${scheme} one\r\n`), 'challenge');
      assert.equal(
        await this.get('/private', `Authorization: ${scheme} three${name}\r\n`),
        `welcome ${name}`,
      );
    },
  };
}

for (const scheme of ['NTLM', 'Negotiate', 'negotiate'])
  suite(`a login by ${scheme}`, () => {
    test('is not used by others, however few connections there may be', async (t) => {
      const backend = await loginServer(t, scheme);
      for (const max of [1, 10]) {
        const { port } = await runGateway(t, config([backend], `connections: { max: ${max} }`));
        const alice = await client(t, port);
        await alice.login('alice', scheme);
        const mallory = await client(t, port);
        for (let i = 0; i < 3; i++) {
          assert.equal(await mallory.get('/'), 'for nobody');
          assert.equal(await mallory.get('/private'), 'who');
        }
      }
    });

    test('stays with its client, whatever kind of request it sends', async (t) => {
      const backend = await loginServer(t, scheme);
      const { port } = await runGateway(t, config([backend]));
      const [alice, bob] = [await client(t, port), await client(t, port)];
      await alice.login('alice', scheme);
      await bob.login('bob', scheme);
      for (const [method, more] of [
        ['GET', ''],
        ['GET', 'Connection: Upgrade\r\nUpgrade: foo\r\n'],
        ['POST', 'Transfer-Encoding: chunked\r\n'],
        ['GET', ''],
      ] as const) {
        assert.equal(await alice.get('/private', more, method), 'for alice');
        assert.equal(await bob.get('/private', more, method), 'for bob');
      }
    });
  });

suite('a connection that a client logs in on', () => {
  test('belongs to its client from the challenge on', async (t) => {
    const backend = await loginServer(t);
    const { port } = await runGateway(t, config([backend]));
    const alice = await client(t, port);
    assert.equal(await alice.get('/private'), 'who');
    const bob = await client(t, port);
    assert.equal(await bob.get('/'), 'for nobody');
    assert.equal(backend.connections.length, 2);
    await alice.login('alice');
    assert.equal(backend.connections.length, 2, 'it logs in where it was asked to');
  });

  test('closes with its client', async (t) => {
    const backend = await loginServer(t);
    const { port, gateway } = await runGateway(t, config([backend], 'connections: { idle: 1m }'));
    const alice = await client(t, port);
    await alice.login('alice');
    alice.socket.destroy();
    await backend.connections[0]!.ended;
    await eventually(() => gateway.backends[0]!.load === 0, 'nothing is left of it');
  });

  test('stays with one backend for the whole login', async (t) => {
    const backends = await Promise.all([loginServer(t), loginServer(t), loginServer(t)]);
    const { port } = await runGateway(t, config(backends));
    const alice = await client(t, port);
    await alice.login('alice');
    for (let i = 0; i < 4; i++) assert.equal(await alice.get('/private'), 'for alice');
  });

  test('is closed when another request waits', async (t) => {
    const backend = await loginServer(t);
    const { port } = await runGateway(t, config([backend], 'connections: { max: 2 }'));
    const clients = await Promise.all([1, 2, 3, 4].map(() => client(t, port)));
    for (const [i, one] of clients.entries()) await one.login(`user${i}`);
    assert.equal(await clients[3]!.get('/private'), 'for user3');
    assert.equal(await clients[0]!.get('/private'), 'who');
  });

  test('is shared where the login belongs to a request: Basic', async (t) => {
    const backend = await loginServer(t);
    const { port } = await runGateway(t, config([backend]));
    for (let i = 0; i < 3; i++) {
      const one = await client(t, port);
      assert.equal(await one.get('/', 'Authorization: Basic YTpi\r\n'), 'for nobody');
    }
    assert.equal(backend.connections.length, 1);
  });

  test('over HTTP/2: is not used by others', async (t) => {
    const backend = await loginServer(t);
    const { cert, key } = await certificate(t, ['www.example.net']);
    const { port } = await runGateway(
      t,
      config([backend]),
      `listen: [{ address: "127.0.0.1:0", tls: { cert: ${cert}, key: ${key} } }]\n`,
    );
    const [alice, bob] = [
      await http2Session(t, `https://127.0.0.1:${port}`),
      await http2Session(t, `https://127.0.0.1:${port}`),
    ];
    const ask = async (session: typeof alice, more = {}): Promise<string> =>
      (
        await http2Request(session, { ':path': '/private', ':authority': 'www.example.net', ...more })
      ).body.toString();
    // Browsers log in over HTTP/1.1. Whether it works here or not, a logged-in connection carries no requests of others.
    assert.equal(await ask(alice, { authorization: 'NTLM one' }), 'challenge');
    assert.equal(await ask(alice, { authorization: 'NTLM threealice' }), 'welcome alice');
    assert.equal(await ask(bob), 'who');
    assert.equal(await ask(bob), 'who');
  });
});
