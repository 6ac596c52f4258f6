/** A backend configured by a name whose address changes. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { root } from '../support/gateway-process.ts';
import { without } from '../support/peers.ts';
import { startProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { scriptedServer } from '../support/scripted-server.ts';
import { tempDir } from '../support/temp-dir.ts';

const get = 'GET / HTTP/1.1\r\nHost: www.example.net\r\n\r\n';
const isRoot = process.getuid?.() === 0 ? false : 'needs root: it gives the gateway an /etc/hosts of its own';

test('a new connection goes to the current address of the name', {
  skip: without('unshare') || isRoot,
}, async (t) => {
  const first = await scriptedServer(t, (socket) => answer(socket, 'first'));
  const second = await scriptedServer(t, (socket) => answer(socket, 'second'), '127.0.0.7', first);
  assert.equal(first, second, 'one port on two addresses');
  const dir = await tempDir(t, 'name');
  const hosts = join(dir, 'hosts');
  const config = join(dir, 'sekisho.yaml');
  await writeFile(hosts, '127.0.0.1 localhost backend.internal\n');
  await writeFile(
    config,
    `listen: ["127.0.0.1:0"]\nadmin: false\nsites: [{ hosts: [www.example.net], backend: "http://backend.internal:${first}" }]\nlog: { level: error }\n`,
  );
  const gateway = await startProcess(
    t,
    'unshare',
    [
      ...['-m', 'sh', '-c', 'mount --bind "$1" /etc/hosts && shift && exec "$@"', 'sh', hosts],
      ...[process.execPath, 'src/cli.ts', 'start', '--config', config],
    ],
    { cwd: root },
  );
  const [, port] = await gateway.waitForLine(/^listening http 127\.0\.0\.1:(\d+)$/, 30_000);
  const body = async (): Promise<string> =>
    (await exchange(Number(port), get, { until: 1 })).responses[0]!.body.toString();
  assert.equal(await body(), 'first');
  // Written in place: a bind mount refers to the file, not to its name.
  await writeFile(hosts, '127.0.0.7 backend.internal\n');
  await eventually(async () => (await body()) === 'second', 'the name is looked up again');
});

/** One answer per connection, so that each request dials. */
function answer(socket: import('node:net').Socket, body: string): void {
  socket.once('data', () =>
    socket.end(`HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`),
  );
}
