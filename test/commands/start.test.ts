/** The real command line, from `sekisho start` to exit. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { root, startGatewayProcess } from '../support/gateway-process.ts';
import { runProcess, startProcess } from '../support/process.ts';
import { rawBackend } from '../support/raw-backend.ts';
import { exchange } from '../support/raw-client.ts';
import { rawConnection } from '../support/raw-connection.ts';
import { tempDir } from '../support/temp-dir.ts';

const start = (...args: string[]): [string, string[]] => [process.execPath, ['src/cli.ts', 'start', ...args]];

suite('sekisho start', () => {
  test('with the config of `npm start`: the welcome page, and 421 for a probe', async (t) => {
    const { scripts } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as {
      scripts: { start: string };
    };
    assert.match(
      scripts.start,
      / exec node src\/cli\.ts start --config config\/sekisho\.yaml --end-with-parent$/,
    );
    const child = await startProcess(
      t,
      ...start('--config', 'config/sekisho.yaml', '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'),
      { cwd: root },
    );
    const [, port] = await child.waitForLine(/^listening http 127\.0\.0\.1:(\d+)$/, 30_000);
    const page = await exchange(Number(port), 'GET / HTTP/1.1\r\nHost: localhost:8080\r\n\r\n', { until: 1 });
    assert.equal(page.responses[0]?.status, 200);
    assert.match(page.text, /Sekisho is running/);
    const probe = await exchange(Number(port), 'GET http://www.example.com/index.html HTTP/1.0\r\n\r\n');
    assert.equal(probe.responses[0]?.status, 421);
    await child.waitForLine(/relay probe blocked: absolute-form-foreign from 127\.0\.0\.1\./);
    assert.doesNotMatch(child.stdout(), /relay probe/);
    assert.deepEqual(await child.stop(), { code: 0, signal: null });
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    test(`${signal} finishes requests in progress, accepts no more, and exits 0`, async (t) => {
      const backend = await rawBackend(t);
      const gateway = await startGatewayProcess(
        t,
        `sites: [{ hosts: [www.example.net], backend: "${backend.url}" }]\n`,
      );
      const idle = await rawConnection(t, gateway.port);
      const busy = await rawConnection(t, gateway.port);
      busy.socket.write('GET / HTTP/1.1\r\nHost: www.example.net\r\n\r\n');
      const upstream = await backend.connection(0);
      await upstream.until(/\r\n\r\n/);
      gateway.process.signal(signal);
      await idle.ended;
      // Idle connections close a moment before the listener: a connection made in between is reset.
      const late = await exchange(gateway.port, 'GET / HTTP/1.1\r\n\r\n').catch(() => null);
      assert.equal(late?.text ?? '', '');
      upstream.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate');
      await busy.until(/200 OK[\s\S]*late$/);
      assert.deepEqual(await gateway.process.exited, { code: 0, signal: null });
    });

  test('a taken port: one clear line with the address and the fix, no stack, exit 1', async (t) => {
    const server = createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    t.after(() => server.close());
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { code, stdout, stderr } = await runProcess(
      ...start(
        '--listen',
        address,
        '--host',
        'www.example.net',
        '--backend',
        'welcome',
        '--admin',
        '127.0.0.1:0',
      ),
      { cwd: root, timeout: 30_000 },
    );
    assert.equal(code, 1);
    assert.doesNotMatch(stdout, /listening/);
    assert.match(stderr, new RegExp(address.replaceAll('.', '\\.')));
    assert.match(stderr, /in use|taken/i);
    assert.match(stderr, /stop|another port|choose|listen/i);
    assert.doesNotMatch(stderr, /^\s+at |EADDRINUSE.*\n.*at /m);
  });

  for (const address of ['0.0.0.0:9090', '[::]:9090', '192.0.2.1:9090'])
    test(`an admin listener on ${address} without TLS and without a token is refused with the reason, exit 1`, async () => {
      const { code, stderr, stdout } = await runProcess(
        ...start('--config', 'config/sekisho.yaml', '--listen', '127.0.0.1:0', '--admin', address),
        { cwd: root },
      );
      assert.equal(code, 1);
      assert.match(
        stderr,
        /opens the admin listener to a network, without tls and without a token of your own/,
      );
      assert.equal(stdout, '');
    });

  test('a start that fails after its listeners are bound closes them, exit 1', async (t) => {
    const dir = await tempDir(t, 'start');
    await writeFile(join(dir, 'file'), 'not a folder');
    const config = join(dir, 'sekisho.yaml');
    await writeFile(
      config,
      `listen: [{ address: "127.0.0.1:0", tls: { acme: { email: admin@example.net, terms: agreed, directory: "https://127.0.0.1:9/" } } }]
sites: [{ hosts: [www.example.net], backend: welcome }]
admin: false
journal: false
acme: { folder: file/acme }
`,
    );
    const { code, stderr } = await runProcess(...start('--config', config), { cwd: root, timeout: 30_000 });
    assert.match(stderr, /acme\.folder: .* can't be written/);
    assert.equal(code, 1);
  });

  for (const [flags, wanted] of [
    [
      ['--listen', '127.0.0.1:0'],
      'command line: --host\n  is missing\n  fix: give --host NAME and --backend URL\n',
    ],
    [['--host', 'a.example'], 'command line: --backend\n  is missing\n  fix: give --backend URL\n'],
    [['--backend', 'http://127.0.0.1:1'], 'command line: --host\n  is missing\n  fix: give --host NAME\n'],
  ] as const)
    test(`${flags[0]} alone: names the flags that are missing, exit 1`, async () => {
      const { code, stderr } = await runProcess(...start(...flags), { cwd: root, timeout: 30_000 });
      assert.deepEqual([code, stderr], [1, wanted]);
    });

  test('a faulty config is reported fault by fault, exit 1', async () => {
    const { code, stderr } = await runProcess(...start('--config', 'test/config/bad/prefixes.yaml'), {
      cwd: root,
      timeout: 30_000,
    });
    assert.equal(code, 1);
    assert.match(stderr, /prefixes\.yaml:\d+: /);
    assert.match(stderr, /fix: /);
    assert.doesNotMatch(stderr, /^\s+at /m);
  });
});
