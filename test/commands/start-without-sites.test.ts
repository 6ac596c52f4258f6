/** A mail guard or decoys without a web server. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Dialogue } from '../smtp/dialogue.ts';
import { mailSink } from '../smtp/support.ts';
import { root } from '../support/gateway-process.ts';
import type { Owner } from '../support/owner.ts';
import { type RunningProcess, startProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { tempDir } from '../support/temp-dir.ts';

async function start(owner: Owner, yaml: string): Promise<RunningProcess> {
  const config = join(await tempDir(owner, 'without-sites'), 'sekisho.yaml');
  await writeFile(config, yaml);
  return startProcess(owner, process.execPath, ['src/cli.ts', 'start', '--config', config], { cwd: root });
}

// `workers: auto`: workers share HTTP listeners, and there are none here.
for (const workers of ['1', '2'])
  test(`smtp only, workers: ${workers}: mail is guarded, nothing listens for HTTP, and signals end it`, async (t) => {
    const sink = await mailSink(t);
    const child = await start(
      t,
      `smtp: { listen: "127.0.0.1:0", backend: "127.0.0.1:${sink.port}", domains: [example.net] }\nworkers: ${workers}\n`,
    );
    const [, port] = await child.waitForLine(/^listening smtp 127\.0\.0\.1:(\d+)$/, 30_000);
    const client = await Dialogue.greeted(t, Number(port));
    await client.say('MAIL FROM:<a@example.org>');
    assert.equal(await client.code('RCPT TO:<user@example.com>'), 550);
    assert.equal(await client.code('RCPT TO:<user@example.net>'), 250);
    client.socket.destroy();
    assert.deepEqual(child.stdout().match(/^listening .*$/gm), [`listening smtp 127.0.0.1:${port}`]);
    child.signal('SIGHUP');
    await child.waitForLine(/reload/i);
    assert.deepEqual(await child.stop(), { code: 0, signal: null });
  });

test('decoys only: the probe is refused and recorded', async (t) => {
  const child = await start(t, 'decoys: [{ listen: "127.0.0.1:0", speaks: http-proxy }]\n');
  const [, port] = await child.waitForLine(/^listening decoy http-proxy 127\.0\.0\.1:(\d+)$/, 30_000);
  const probe = await exchange(Number(port), 'GET http://www.example.com/ HTTP/1.0\r\n\r\n');
  assert.equal(probe.responses[0]?.status, 403);
  await child.waitForLine(/relay probe blocked: absolute-form-foreign from 127\.0\.0\.1\./);
  assert.deepEqual(await child.stop(), { code: 0, signal: null });
});
