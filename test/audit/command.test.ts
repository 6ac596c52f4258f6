import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { audited } from '../support/audited.ts';
import { freePort } from '../support/free-port.ts';
import { openMicrosocks } from '../support/open-proxies.ts';
import { needs } from '../support/peers.ts';
import { runProcess } from '../support/process.ts';
import { scriptedServer } from '../support/scripted-server.ts';

/** A minimal proxy that fetches any http URL. */
function proxying(socket: Socket): void {
  socket.once('data', (chunk) => {
    const [, url] = /^GET (http:\/\/\S+) HTTP/.exec(chunk.toString('latin1')) ?? [];
    if (url === undefined) return void socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
    fetch(url).then(
      async (answer) => socket.end(`HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${await answer.text()}`),
      () => socket.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n'),
    );
  });
}

const cli = resolve(import.meta.dirname, '../../src/cli.ts');

test('bad input: exit 2, the fix in the message, no finding on stdout', async () => {
  await Promise.all(
    (
      [
        [['::1:8080'], /write \[::1\]:8080/],
        [['127.0.0.1', '--port', 'http'], /--port "http" is no port/],
        [['127.0.0.1:1', '--timeout', 'soon'], /--timeout "soon": give a number/],
        [['127.0.0.1:1', '--paths', 'proxy'], /a path begins with \//],
        [['127.0.0.1:1', '--canary', '127.0.0.1'], /has no port: give ADDR:PORT/],
        [['192.0.2.1'], /--i-own-this/],
        [[], /missing required argument/],
      ] as const
    ).map(async ([args, message]) => {
      const { code, stdout, stderr } = await audited(...args);
      assert.equal(code, 2, args.join(' '));
      assert.equal(stdout, '');
      assert.match(stderr, message);
    }),
  );
});

test('closed ports are inconclusive: exit 3', async () => {
  const port = await freePort();
  const { code, stdout, stderr } = await audited(`http://127.0.0.1:${port}/`);
  assert.equal(code, 3);
  assert.equal(stdout, '');
  assert.match(stderr, /no (?:clear )?result.*nothing accepts at 127\.0\.0\.1, port/);
});

test('a silent port is inconclusive and does not hold up the audit', async (t) => {
  const port = await scriptedServer(t, () => {});
  const { code, findings, stderr } = await audited(`127.0.0.1:${port}`, '--timeout', '0.3');
  assert.equal(code, 3, stderr);
  assert.ok(findings.length > 5 && findings.every(({ result }) => result === 'unclear'));
  assert.match(stderr, /no (?:clear |complete )?result/);
});

test('a port that speaks another protocol is inconclusive: exit 3', async (t) => {
  const port = await scriptedServer(t, (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
  const { code, stderr } = await audited(`127.0.0.1:${port}`);
  assert.equal(code, 3);
  assert.match(stderr, /no (?:clear )?result.*SSH-2\.0/);
});

test('every address of a name is audited, and the one that relays is named', async (t) => {
  const [closed, open] = ['127.0.0.1', '::1'];
  const page = 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';
  const port = await scriptedServer(t, (socket) => void socket.once('data', () => socket.end(page)), closed);
  await scriptedServer(t, proxying, open, port);
  const { code, findings, stderr } = await audited(`localhost:${port}`);
  assert.equal(code, 1, stderr);
  const at = (address: string) => findings.filter((finding) => finding.address === address);
  assert.ok(at(closed).length > 50 && at(open).length > 50);
  assert.deepEqual(
    [...new Set(findings.filter(({ result }) => result === 'relays').map(({ address }) => address))],
    [open],
  );
  assert.match(stderr, /localhost:\d+ \(127\.0\.0\.1, ::1\) RELAYS/);
});

test('several ports, one of them closed, with the canary at a given address', async (t) => {
  if (!needs(t, 'microsocks')) return;
  const open = await openMicrosocks(t);
  const closed = await freePort();
  const canary = await freePort();
  const { findings, relays, stderr, code } = await audited(
    ...['127.0.0.1', '--port', `${closed},${open.port}`, '--canary', `localhost:${canary}`],
    ...['--canary-listen', `127.0.0.1:${canary}`],
  );
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`port ${closed}: closed`));
  // The canary has a name here, so techniques that need its address (SOCKS4, the mapped address) are skipped.
  assert.ok(relays.includes('socks5/domain'));
  assert.ok(!findings.some(({ technique }) => technique === 'socks4'));
  for (const { target } of findings) assert.equal(target, `127.0.0.1:${open.port}`);
});

test('the report on stdout: the verdict first, then a table and the fixes', async (t) => {
  if (!needs(t, 'microsocks')) return;
  const { port } = await openMicrosocks(t);
  const { code, stdout } = await runProcess(process.execPath, [cli, 'audit', `127.0.0.1:${port}`]);
  assert.equal(code, 1);
  assert.match(stdout, new RegExp(`^127\\.0\\.0\\.1:${port} RELAYS: \\d+ of `));
  assert.match(stdout, /RELAYS +socks5 /);
  assert.match(stdout, /To fix\n/);
});
