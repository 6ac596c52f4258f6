/** `balance: cookie`: clients stay with their backend, over HTTP/1, HTTP/2 and WebSocket, as with HAProxy. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http2';
import { join } from 'node:path';
import { after, suite, type TestContext, test } from 'node:test';
import { BackendCookie } from '../../src/forward/backend-cookie.ts';
import { ResponseHead } from '../../src/wire/response-head.ts';
import { certificate } from '../support/certificate.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { runGateway } from '../support/gateway.ts';
import { http2Request, http2Session } from '../support/http2-client.ts';
import { needs, requirePeer } from '../support/peers.ts';
import { startProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import {
  type RecordedRequest,
  type RecordingBackend,
  recordingBackend,
} from '../support/recording-backend.ts';
import { tempDir } from '../support/temp-dir.ts';

const owner = { after };
const { cert, key } = await certificate(owner, ['www.example.net']);
const tlsListen = `listen: [{ address: "127.0.0.1:0", tls: { cert: "${cert}", key: "${key}" } }]\n`;
const site = (backends: readonly { url: string }[], more = ''): string => `
sites:
  - hosts: [www.example.net]
    balance: cookie
    websocket: true
    backends: [${backends.map(({ url }) => `{ url: "${url}" }`).join(', ')}]
    ${more}
rateLimit: false
bans: false
`;

/** As with Socket.IO: a session lives only in the process that opened it. */
const sessions = async (t: TestContext | typeof owner, name: string): Promise<RecordingBackend> => {
  const mine = new Set<string>();
  return await recordingBackend(t, {
    answer: ({ requestLine, headerLines }: RecordedRequest) => {
      const sid = /[?&]sid=(\w+)/.exec(requestLine)?.[1];
      if (sid !== undefined && !mine.has(sid))
        return 'HTTP/1.1 400 Bad Request\r\nContent-Length: 24\r\n\r\n{"message":"Session ID"}';
      const accept = headerLines.find((line) => /^sec-websocket-key: /i.test(line))?.slice(19);
      if (accept !== undefined) {
        const proof = createHash('sha1')
          .update(`${accept}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
          .digest('base64');
        return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${proof}\r\nX-Backend: ${name}\r\n\r\n`;
      }
      const opened = sid ?? `${name}${mine.size}`;
      mine.add(opened);
      return `HTTP/1.1 200 OK\r\nX-Backend: ${name}\r\nContent-Length: ${opened.length}\r\n\r\n${opened}`;
    },
  });
};

interface Got {
  readonly status: number;
  readonly backend: string | undefined;
  readonly setCookies: readonly string[];
  readonly body: string;
}
const ask = async (
  port: number,
  cookie: string | null,
  path = '/',
  more = '',
  tls?: object,
): Promise<Got> => {
  const line = cookie === null ? '' : `Cookie: ${cookie}\r\n`;
  const { responses } = await exchange(
    port,
    `GET ${path} HTTP/1.1\r\nHost: www.example.net\r\n${line}${more}\r\n`,
    tls === undefined ? { until: 1 } : { until: 1, tls },
  );
  const { status, headers, body } = responses[0]!;
  return {
    status,
    backend: headers.get('x-backend')?.[0],
    setCookies: headers.get('set-cookie') ?? [],
    body: body.toString('latin1'),
  };
};
const pairOf = ({ setCookies }: Got): string => setCookies[0]!.split(';', 1)[0]!;
const upgrade =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

suite('balance: cookie', () => {
  test('keeps a Socket.IO session in its process: polling and WebSocket handshake', async (t) => {
    const backends = await Promise.all([sessions(t, 'a'), sessions(t, 'b')]);
    const { port } = await runGateway(t, site(backends));
    for (let client = 0; client < 6; client++) {
      const opened = await ask(port, null, '/socket.io/?EIO=4&transport=polling');
      assert.equal(opened.status, 200);
      const cookie = `theme=dark; ${pairOf(opened)}`;
      const path = `/socket.io/?EIO=4&transport=polling&sid=${opened.body}`;
      for (let i = 0; i < 4; i++) {
        const polled = await ask(port, cookie, path);
        assert.deepEqual([polled.status, polled.backend, polled.setCookies], [200, opened.backend, []]);
      }
      const upgraded = await ask(port, cookie, path.replace('polling', 'websocket'), upgrade);
      assert.deepEqual([upgraded.status, upgraded.backend, upgraded.setCookies], [101, opened.backend, []]);
    }
    const all = backends.flatMap(({ requests }) => requests);
    assert.deepEqual(
      backends.map(({ requests }) => requests.length),
      [18, 18],
    );
    assert.ok(all.every(({ raw }) => !raw.toString('latin1').includes('sekisho-backend')));
    assert.ok(all.some(({ headerLines }) => headerLines.includes('Cookie: theme=dark')));
  });

  test('a client that starts with a WebSocket gets its cookie with the 101', async (t) => {
    const { port } = await runGateway(t, site([await sessions(t, 'a'), await sessions(t, 'b')]));
    const first = await ask(port, null, '/', upgrade);
    assert.equal(first.status, 101);
    for (let i = 0; i < 3; i++) assert.equal((await ask(port, pairOf(first), '/')).backend, first.backend);
  });

  test('over HTTP/2 in several cookie crumbs, and Secure over TLS', async (t) => {
    const backends = await Promise.all([sessions(t, 'a'), sessions(t, 'b')]);
    const { port } = await runGateway(t, site(backends), tlsListen);
    const session = await http2Session(t, `https://127.0.0.1:${port}`);
    const first = await http2Request(session, { ':authority': 'www.example.net' });
    const [set] = first.headers['set-cookie']!;
    assert.match(set!, /^sekisho-backend=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Secure$/);
    assert.match(String(first.headers['cache-control']), /private/);
    for (let i = 0; i < 4; i++) {
      const { headers } = await http2Request(session, {
        ':authority': 'www.example.net',
        cookie: ['a=1', set!.split(';', 1)[0]!, 'b=2'],
      });
      assert.deepEqual(
        [headers['x-backend'], headers['set-cookie']],
        [first.headers['x-backend'], undefined],
      );
    }
    const tls = { servername: 'www.example.net' };
    const over1 = await ask(port, set!.split(';', 1)[0]!, '/', '', tls);
    assert.equal(over1.backend, first.headers['x-backend']);
    const lines = backends.flatMap(({ requests }) => requests.flatMap(({ headerLines }) => headerLines));
    assert.deepEqual(
      lines.filter((line) => /^cookie/i.test(line)),
      Array(4).fill('cookie: a=1; b=2'),
    );
  });

  test('a WebSocket over HTTP/2 follows the cookie, and sets one if there is none', async (t) => {
    const { port } = await runGateway(t, site([await sessions(t, 'a'), await sessions(t, 'b')]), tlsListen);
    const session = await http2Session(t, `https://127.0.0.1:${port}`);
    const open = async (cookie?: string) => {
      const stream = session.request({
        ':method': 'CONNECT',
        ':protocol': 'websocket',
        ':scheme': 'https',
        ':path': '/',
        ':authority': 'www.example.net',
        'sec-websocket-version': '13',
        ...(cookie === undefined ? {} : { cookie }),
      });
      const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders];
      stream.destroy();
      return headers;
    };
    const first = await open();
    const pair = first['set-cookie']![0]!.split(';', 1)[0]!;
    for (let i = 0; i < 3; i++) {
      const again = await open(pair);
      assert.deepEqual([again['x-backend'], again['set-cookie']], [first['x-backend'], undefined]);
    }
  });

  test('clients of a lost backend move, get a new cookie, and stay there', async (t) => {
    const [a, b] = [await sessions(t, 'a'), await sessions(t, 'b')];
    const dead = { url: `http://127.0.0.1:${await freePort()}` };
    const { port, gateway } = await runGateway(t, site([a, b, dead], 'cookieSecret: 0123456789abcdef'));
    const cookies = new BackendCookie('0123456789abcdef', 'www.example.net', gateway.backends);
    const none = new ResponseHead({
      status: 200,
      reason: '',
      fields: '',
      framing: 'none',
      length: 0,
      keepAlive: true,
      dated: true,
      upgrade: '',
      end: 0,
    });
    const toDead = /sekisho-backend=[^;]+/.exec(
      cookies.putInto(none, gateway.backends[2]!, null, false).fields,
    )![0];
    const moved = await ask(port, toDead);
    assert.equal(moved.status, 200);
    assert.equal(moved.setCookies.length, 1);
    for (let i = 0; i < 4; i++) {
      const again = await ask(port, pairOf(moved));
      assert.deepEqual([again.backend, again.setCookies], [moved.backend, []]);
    }
    for (let i = 0; i < 4; i++) assert.equal((await ask(port, toDead)).status, 200);
    await eventually(
      () => gateway.backends[2]!.health.state(performance.now()) === 'ejected',
      'it is ejected',
    );
  });

  test('reveals and forwards no more than HAProxy', async (t) => {
    if (!needs(t, 'haproxy')) return;
    const backends = await Promise.all([sessions(t, 'a'), sessions(t, 'b')]);
    const { port } = await runGateway(t, site(backends));
    const haproxyPort = await haproxy(t, backends);
    const rows: readonly (readonly [cookie: string | null, path: string, more: string])[] = [
      [null, '/', ''],
      ['x=1', '/', ''],
      ['x=1; sekisho-backend=made-up; y=2', '/', ''],
      ['sekisho-backend=made-up', '/', ''],
      ['OURS', '/', ''],
      ['x=1; OURS; y=2', '/', ''],
      ['OURS', '/', upgrade],
      [null, '/', upgrade],
    ];
    const told = async (at: number): Promise<unknown[]> => {
      const first = await ask(at, null);
      const rowsTold: unknown[] = [];
      for (const [cookie, path, more] of rows) {
        const before = backends.map(({ requests }) => requests.length);
        const got = await ask(at, cookie?.replace('OURS', pairOf(first)) ?? null, path, more);
        const seen = backends.flatMap(({ requests }, i) => requests.slice(before[i]));
        const lines = seen[0]!.headerLines
          .filter((line) => /^cookie:/i.test(line))
          .map((line) => line.toLowerCase());
        const same = cookie?.includes('OURS') === true ? got.backend === first.backend : null;
        rowsTold.push([cookie, got.status, got.setCookies.length, same, lines]);
      }
      return rowsTold;
    };
    assert.deepEqual(await told(port), await told(haproxyPort));
  });
});

async function haproxy(t: TestContext, backends: readonly RecordingBackend[]): Promise<number> {
  const port = await freePort();
  const folder = await tempDir(t);
  const file = join(folder, 'haproxy.cfg');
  const servers = backends.map(({ authority }, i) => `  server s${i} ${authority} cookie c${i}\n`).join('');
  await writeFile(
    file,
    `defaults\n  mode http\n  timeout connect 5s\n  timeout client 5s\n  timeout server 5s\n  timeout tunnel 5s\nlisten web\n  bind 127.0.0.1:${port}\n  cookie sekisho-backend insert indirect nocache httponly\n${servers}`,
  );
  const running = await startProcess(t, requirePeer('haproxy'), ['-db', '-f', file]);
  await running.waitForPort(port);
  return port;
}
