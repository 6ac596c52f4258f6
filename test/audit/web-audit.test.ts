import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createH2, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, createConnection, type Socket } from 'node:net';
import { test } from 'node:test';
import { auditPort } from '../support/audit-port.ts';
import { scriptedServer } from '../support/scripted-server.ts';

const page = (status: string, body = 'own page') =>
  `HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;

/** Answers the head of each request and closes. */
const answering = (answer: (head: string, socket: Socket) => string | null) => (socket: Socket) => {
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
    if (!text.includes('\r\n\r\n') || socket.writableEnded) return;
    const bytes = answer(text, socket);
    if (bytes !== null) socket.end(bytes, 'latin1');
  });
};

test('a server that answers 200 with an echo to everything is not called a relay', async (t) => {
  const port = await scriptedServer(
    t,
    answering((head) => page('200 OK', `you asked ${head}`)),
  );
  const { relays, findings } = await auditPort(t, port);
  assert.deepEqual(relays, []);
  const connects = findings.filter(({ rule }) => rule === 'connect');
  assert.ok(connects.length > 5);
  for (const { technique, result } of connects) {
    if (technique !== 'connect/h2') assert.equal(result, 'answers-itself', technique);
  }
  assert.match(findings.find(({ technique }) => technique === 'trace')?.why ?? '', /echoes/);
});

test('a 2xx to CONNECT without a working tunnel stays unclear', async (t) => {
  const port = await scriptedServer(
    t,
    answering((head, socket) => {
      if (!head.startsWith('CONNECT')) return page('200 OK');
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      return null;
    }),
  );
  const { relays, findings } = await auditPort(t, port, { patience: 300 });
  assert.deepEqual(relays, []);
  assert.equal(findings.find(({ technique }) => technique === 'connect')?.result, 'unclear');
});

test('a gateway error that ordinary pages do not get is not called a refusal but unclear', async (t) => {
  const port = await scriptedServer(
    t,
    answering((head) => page(/^GET http/.test(head) ? '504 Gateway Timeout' : '200 OK')),
  );
  const { findings } = await auditPort(t, port);
  const finding = findings.find(({ technique }) => technique === 'absolute-form-foreign');
  assert.equal(finding?.result, 'unclear');
  assert.match(finding.why, /can the server reach the canary/);
});

test('a relay that answers first and fetches afterwards is detected', async (t) => {
  const port = await scriptedServer(
    t,
    answering((head) => {
      const [, host, number, path] = /^GET http:\/\/([\d.]+):(\d+)(\S+)/.exec(head) ?? [];
      if (host !== undefined && path !== undefined) {
        const fetcher = createConnection(Number(number), host);
        fetcher.on('error', () => {});
        fetcher.end(`GET ${path} HTTP/1.0\r\n\r\n`);
      }
      return page('202 Accepted');
    }),
  );
  const { relays } = await auditPort(t, port);
  assert.ok(relays.includes('absolute-form-foreign'));
});

test('once the server bans the auditor, refusals become unclear and the audit stops', async (t) => {
  let probes = 0;
  const port = await scriptedServer(
    t,
    answering((head) => {
      if (/ask-/.test(head)) probes += 1;
      return page(probes > 12 ? '403 Forbidden' : /ask-/.test(head) ? '421 Misdirected Request' : '200 OK');
    }),
  );
  const { findings } = await auditPort(t, port);
  assert.equal(
    findings.slice(0, 10).every(({ result }) => result === 'refuses'),
    true,
  );
  const later = findings.slice(10);
  assert.ok(later.every(({ result }) => result === 'unclear'));
  assert.match(later.at(-1)!.why, /no longer serves this address/);
  assert.ok(probes < 30, 'it went on against a server that had banned it');
});

test('the connection limit holds, and untried techniques stay unclear', async (t) => {
  let connections = 0;
  const port = await scriptedServer(t, (socket) => {
    connections += 1;
    answering(() => page('200 OK'))(socket);
  });
  const { findings } = await auditPort(t, port, { connections: 20 });
  assert.equal(connections, 20);
  assert.match(findings.at(-1)!.why, /limit of 20 connections/);
  assert.equal(findings.at(-1)!.result, 'unclear');
});

test('a relayed HTTP/2 CONNECT is proven', async (t) => {
  const server = createH2();
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => {});
    if (headers[':method'] !== 'CONNECT') {
      stream.respond({ ':status': 404 }, { endStream: true });
      return;
    }
    const { hostname, port } = new URL(`http://${headers[':authority']}`);
    const socket = createConnection(Number(port), hostname);
    socket.on('error', () => stream.close());
    socket.once('connect', () => {
      stream.respond({ ':status': 200 });
      stream.pipe(socket).pipe(stream);
    });
  });
  // An HTTP/1 front end, so that the audit takes the port for a web server.
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const h2Port = (server.address() as AddressInfo).port;
  t.after(() => server.close());
  const port = await scriptedServer(t, (socket) => {
    socket.once('data', (chunk) => {
      if (!chunk.toString('latin1').startsWith('PRI ')) return void socket.end(page('404 Not Found'));
      const inner = createConnection(h2Port, '127.0.0.1');
      inner.on('error', () => socket.destroy());
      inner.write(chunk);
      socket.pipe(inner).pipe(socket);
    });
  });
  const { relays, findings } = await auditPort(t, port);
  assert.deepEqual(relays, ['connect/h2']);
  assert.match(findings.find(({ technique }) => technique === 'connect/h2')?.fix ?? '', /HTTP\/2/);
});

test('a port that speaks another protocol is not tried', async (t) => {
  const port = await scriptedServer(t, (socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n'));
  const { findings, notes } = await auditPort(t, port);
  assert.deepEqual(findings, []);
  assert.match(notes[0] ?? '', /SSH-2\.0/);
});
