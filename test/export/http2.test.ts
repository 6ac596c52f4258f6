/** The exports in the real servers over HTTP/2, where `:authority` is the host and the port is any listening port. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import { suite, test } from 'node:test';
import type { Owner } from '../support/owner.ts';
import { without } from '../support/peers.ts';
import { anyBackend } from './any-backend.ts';
import { servers } from './servers.ts';

const legitimate: readonly OutgoingHttpHeaders[] = [
  {},
  { ':path': '/a?b=http://www.example.com/' },
  { ':authority': 'www.example.net:8443' },
  { ':authority': 'WWW.example.net' },
  { ':method': 'POST', 'content-length': 0 },
  { ':method': 'OPTIONS' },
];

/** nginx does not take it for HTTP. */
const wholeServer: OutgoingHttpHeaders = { ':method': 'OPTIONS', ':path': '*' };

const probes: readonly OutgoingHttpHeaders[] = [
  { ':authority': 'www.example.com' },
  { ':authority': 'www.example.com:8443' },
  { ':authority': '203.0.113.80' },
  { ':authority': 'www.example.net.evil.example' },
  { ':method': 'TRACE' },
  { 'proxy-authorization': 'Basic eDp5' },
];

async function statuses(owner: Owner, port: number, sent: readonly OutgoingHttpHeaders[]): Promise<number[]> {
  const session = connect(`http://127.0.0.1:${port}`);
  owner.after(() => session.destroy());
  session.on('error', () => {});
  const found: number[] = [];
  for (const headers of sent) {
    const stream = session.request(
      { ':authority': 'www.example.net', ...headers },
      { signal: AbortSignal.timeout(20_000) },
    );
    stream.end();
    const [answer] = (await once(stream, 'response')) as [IncomingHttpHeaders];
    found.push(Number(answer[':status']));
    stream.resume();
    await once(stream, 'close');
  }
  return found;
}

suite('exports over HTTP/2', () => {
  for (const server of servers) {
    test(server.title, { skip: without(server.peer) }, async (t) => {
      const backend = await anyBackend(t);
      const asked = server.target === 'nginx' ? legitimate : [...legitimate, wholeServer];
      for (const exported of [false, true]) {
        const { port } = await server.start(t, backend.port, exported, { http2: true });
        assert.deepEqual(
          await statuses(t, port, asked),
          asked.map(() => 200),
          exported ? 'with the export' : 'as it comes',
        );
        if (!exported) continue;
        for (const status of await statuses(t, port, probes))
          assert.ok([400, 405, 421].includes(status), String(status));
      }
    });
  }
});
