/** Output of `start`: on a terminal a banner and one coloured line per probe, else JSON. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { foreign } from '../support/checkpoint.ts';
import { root, startGatewayProcess } from '../support/gateway-process.ts';
import { without } from '../support/peers.ts';
import { startProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { tempDir } from '../support/temp-dir.ts';

const yaml = `listen: ["127.0.0.1:0"]
sites: [{ hosts: [www.example.net], backend: welcome }]
admin: false
journal: false
`;

/** Runs the program on a pseudo-terminal made by `script`. */
async function onTerminal(t: TestContext, more: string, env: Record<string, string | undefined>) {
  const config = join(await tempDir(t, 'terminal'), 'sekisho.yaml');
  writeFileSync(config, `${yaml}${more}`);
  const command = `exec '${process.execPath}' src/cli.ts start --config '${config}'`;
  const child = await startProcess(t, 'script', ['-qefc', command, '/dev/null'], {
    cwd: root,
    env: {
      TERM: 'xterm-256color',
      // Node uses no colours under an unknown CI.
      CI: undefined,
      NO_COLOR: undefined,
      FORCE_COLOR: undefined,
      NODE_DISABLE_COLORS: undefined,
      ...env,
    },
  });
  const [, port] = await child.waitForLine(/listening http 127\.0\.0\.1:(\d+)/, 30_000);
  await exchange(Number(port), foreign('www.example.com', '/\x1b[31m'), { until: 1 });
  return child;
}

suite('start on a terminal', { skip: without('script') }, () => {
  test('prints a short banner, and one coloured line per probe', async (t) => {
    const child = await onTerminal(t, '', {});
    const [line] = await child.waitForLine(/^.*blocked .*$/m);
    assert.match(
      line,
      /\x1b\[31mblocked {4}\x1b\[39m {2}127\.0\.0\.1 +\x1b\[1m\S+\x1b\[22m {2}GET http:\/\/www\.example\.com/,
    );
    assert.ok(!line.includes('/\x1b[31m'), 'escape sequences from the sender have no effect');
    const said = child.stdout();
    assert.match(
      said,
      /\x1b\[[\d;]+m 関所 \x1b\[0m \x1b\[1msekisho\x1b\[0m .*stands guard over.* www\.example\.net/,
    );
    assert.match(said, /preset default, banned after 5 probes/);
    assert.ok(!said.includes('{"level"'), said);
  });

  test('prints no colours with NO_COLOR', async (t) => {
    const child = await onTerminal(t, '', { NO_COLOR: '1' });
    await child.waitForLine(/blocked {6}127\.0\.0\.1/);
    assert.ok(!child.stdout().includes('\x1b['), JSON.stringify(child.stdout()));
  });

  test('prints JSON if the config says so', async (t) => {
    const child = await onTerminal(t, 'log: { format: json }\n', {});
    await child.waitForLine(/^\{"level".*"event":"probe".*\}/m);
    assert.ok(!child.stdout().includes('stands guard'), child.stdout());
  });
});

test('without a terminal start prints only JSON, one object per line', async (t) => {
  const { port, process: child } = await startGatewayProcess(t, yaml.replace(/^(?:listen|admin).*\n/gm, ''));
  await exchange(port, foreign(), { until: 1 });
  await child.waitForLine(/"event":"probe"/);
  await child.stop();
  for (const line of child.stderr().trim().split('\n'))
    assert.equal(typeof JSON.parse(line).level, 'number', line);
  assert.match(child.stdout(), /^(?:listening \S+ \S+\n)+$/);
});
