/** The reader of a pipe leaves early: commands exit without a stack trace, a gateway keeps running. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { root } from '../support/gateway-process.ts';
import { exchange } from '../support/raw-client.ts';
import { tempDir } from '../support/temp-dir.ts';

const cli = join(root, 'src/cli.ts');

suite('a closed pipe', () => {
  test('ends a command silently', async (t) => {
    const folder = await tempDir(t, 'pipe');
    const config = join(folder, 'sekisho.yaml');
    await writeFile(config, 'sites: [{ hosts: [www.example.net], backend: welcome }]\n');
    for (const args of [['check', '--config', config], ['--help'], ['export', 'nginx', '--config', config]]) {
      const child = spawn(process.execPath, [cli, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
      child.stdout.destroy();
      let stderr = '';
      child.stderr.setEncoding('utf8').on('data', (text) => {
        stderr += text;
      });
      const [code] = await once(child, 'exit');
      assert.deepEqual([code, stderr], [141, ''], args.join(' '));
    }
  });

  for (const workers of [1, 2])
    test(`does not end a gateway with ${workers} processes`, async (t) => {
      const port = await freePort();
      const config = join(await tempDir(t, 'pipe'), 'sekisho.yaml');
      await writeFile(
        config,
        `listen: ["127.0.0.1:${port}"]\nsites: [{ hosts: [www.example.net], backend: welcome }]\nworkers: ${workers}\nlog: { access: true }\n`,
      );
      const child = spawn(process.execPath, [cli, 'start', '--config', config], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      child.stdout.destroy();
      child.stderr.destroy();
      t.after(() => child.kill('SIGKILL'));
      const page = 'GET / HTTP/1.1\r\nHost: www.example.net\r\n\r\n';
      const asks = () =>
        exchange(port, page, { until: 1 }).then(
          ({ text }) => text,
          () => '',
        );
      await eventually(async () => (await asks()).startsWith('HTTP/1.1 200'), 'it answers', 20_000);
      child.kill('SIGHUP');
      for (let asked = 0; asked < 10; asked++) assert.match(await asks(), /^HTTP\/1\.1 200/);
      child.kill('SIGTERM');
      assert.deepEqual(await once(child, 'exit'), [0, null]);
    });
});
