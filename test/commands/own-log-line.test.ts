/** `sekisho explain` judges a line of the gateway's own log as it judges the bytes that came. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { ownEvent } from '../../src/commands/own-event.ts';
import { root } from '../support/gateway-process.ts';
import { runProcess, startProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { tempDir } from '../support/temp-dir.ts';

suite("a line of sekisho's own log", () => {
  test('is explained as the request was', async (t) => {
    const config = join(await tempDir(t, 'own-log'), 'sekisho.yaml');
    await writeFile(
      config,
      'listen: ["127.0.0.1:0"]\nsites: [{ hosts: [www.example.net], backend: welcome }]\nadmin: false\nlog: { format: json }\n',
    );
    const gateway = await startProcess(t, process.execPath, ['src/cli.ts', 'start', '--config', config], {
      cwd: root,
    });
    const [, port] = await gateway.waitForLine(/^listening http 127\.0\.0\.1:(\d+)$/, 60_000);
    for (const [bytes, said] of [
      [
        'GET /cart HTTP/1.1\r\nHost: shop.example.org\r\n\r\n',
        /^BLOCK {2}host-foreign → 421 .*\n.*shop\.example\.org/,
      ],
      ['\x04\x01\x00P\xc0\x00\x02\x01\x00', /^BLOCK {2}socks4 → .*\n.*192\.0\.2\.1:80/],
    ] as const) {
      await exchange(Number(port), bytes);
      const rule = /[a-z0-9]+(?:-[a-z]+)?(?= →)/.exec(said.source)![0];
      const [line] = await gateway.waitForLine(new RegExp(`^{.*"rule":"${rule}".*$`), 60_000);
      const { code, stdout } = await runProcess(
        process.execPath,
        ['src/cli.ts', 'explain', '--config', config],
        {
          cwd: root,
          input: `${line}\n`,
          env: { ...process.env, LC_ALL: 'C', NO_COLOR: '1', FORCE_COLOR: undefined },
        },
      );
      assert.equal(code, 0);
      assert.match(stdout, said);
      assert.match(stdout, /\(read from a line of sekisho's log\)/);
    }
  });

  test('of a mail session is the command that was refused', () => {
    const entry = {
      event: 'probe',
      rule: 'smtp-foreign-recipient',
      request: 'RCPT TO:<a@b.example>',
      bytes: 'EHLO x\\r\\n',
    };
    assert.equal(ownEvent(Buffer.from(JSON.stringify(entry)))?.toString(), 'RCPT TO:<a@b.example>\r\n');
  });

  for (const text of [
    '',
    '{',
    '{"event":"probe"}',
    '{"event":"ban","rule":"connect","bytes":"x"}',
    '[]',
    'GET / HTTP/1.1',
  ])
    test(`is not ${JSON.stringify(text)}`, () => assert.equal(ownEvent(Buffer.from(text)), null));
});
