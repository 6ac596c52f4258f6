/** Modules are only loaded by the parts that need them: each of these costs megabytes, in every process. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root, startGatewayProcess } from '../support/gateway-process.ts';
import type { Owner } from '../support/owner.ts';
import { runProcess, startProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';

/** Path fragments of heavy modules. */
const heavy = [
  '/node_modules/fastify/',
  '/node_modules/ajv/',
  '/node_modules/typebox/',
  '/node_modules/prom-client/',
  '/node_modules/iovalkey/',
  '/node_modules/undici/',
  '/node_modules/nodemailer/',
  '/node_modules/@opentelemetry/',
  '/node_modules/@peculiar/',
  '/node_modules/pino-pretty/',
  '/node_modules/http-proxy/',
  '/src/admin/server.ts',
  '/src/alerts/alerts.ts',
  '/src/decoys/decoy.ts',
  '/src/events/journal-thread.ts',
  '/src/fleet/valkey-store.ts',
  '/src/smtp/guard.ts',
];
const sites = 'sites: [{ hosts: [www.example.net], backend: "http://127.0.0.1:9" }]\njournal: false\n';

/** Names of the files that the program, its threads and its workers loaded. */
async function loadedBy(owner: Owner, yaml: string): Promise<string[]> {
  const list = join(await tempDir(owner, 'loaded'), 'list');
  const preload = ['--import', join(root, 'test/support/loaded.ts')];
  const { process: child } = await startGatewayProcess(owner, yaml, preload, { env: { LOADED_LIST: list } });
  await child.stop();
  return readFileSync(list, 'utf8').trimEnd().split('\n');
}

const present = (loaded: readonly string[]): string[] =>
  heavy.filter((part) => loaded.some((file) => file.includes(part)));

for (const workers of [1, 2])
  test(`one site and nothing else, workers: ${workers}: no heavy part is loaded`, async (t) => {
    const loaded = await loadedBy(t, `${sites}workers: ${workers}\n`);
    assert.ok(loaded.some((file) => file.endsWith('/src/program/gateway.ts')));
    assert.deepEqual(present(loaded), []);
  });

test('responses of the gateway itself load Fastify', async (t) => {
  const loaded = await loadedBy(
    t,
    'sites: [{ hosts: [www.example.net], backend: welcome }]\njournal: false\n',
  );
  assert.deepEqual(
    present(loaded).filter((part) => !part.includes('ajv')),
    ['/node_modules/fastify/'],
  );
});

test('each heavy module is loaded with the part that needs it', async (t) => {
  const folder = await tempDir(t, 'parts');
  const list = join(folder, 'list');
  const config = join(folder, 'sekisho.yaml');
  writeFileSync(
    config,
    `listen: ["127.0.0.1:0"]
sites: [{ hosts: [www.example.net], backend: "http://127.0.0.1:9" }]
admin: { listen: "127.0.0.1:0" }
journal: { path: ./sekisho.db }
alerts: { syslog: "udp://127.0.0.1:9" }
decoys: [{ listen: "127.0.0.1:0", speaks: socks }]
smtp: { listen: "127.0.0.1:0", backend: "127.0.0.1:9", domains: [example.net] }
fleet: { valkey: "redis://127.0.0.1:9" }
otel: { endpoint: "http://127.0.0.1:9/v1/traces" }
log: { format: pretty }
`,
  );
  const preload = ['--import', join(root, 'test/support/loaded.ts')];
  const args = [...preload, 'src/cli.ts', 'start', '--config', config];
  const child = await startProcess(t, process.execPath, args, { cwd: root, env: { LOADED_LIST: list } });
  await child.waitForLine(/^listening admin /, 30_000);
  await child.stop();
  // Loaded only with the first message or WebSocket, or for a must-staple certificate.
  const later = ['undici', 'nodemailer', 'http-proxy', '@peculiar'].map((name) => `/node_modules/${name}/`);
  // Only needed to write schemas; at run time they are read as data.
  const never = ['/node_modules/typebox/'];
  assert.deepEqual(
    present(readFileSync(list, 'utf8').split('\n')),
    heavy.filter((part) => ![...later, ...never].includes(part)),
  );
});

test('a checkout caches compiled code, so types are stripped once', async () => {
  const tell = `data:text/javascript,import m from 'node:module'; console.log(m.getCompileCacheDir() ?? 'none')`;
  const { stdout } = await runProcess('npm', ['run', '-s', 'sekisho', '--', '--version'], {
    cwd: root,
    env: { NODE_COMPILE_CACHE: undefined, NODE_OPTIONS: `--import "${tell.replaceAll(' ', '%20')}"` },
  });
  assert.ok(stdout.includes(join(root, 'node_modules/.cache/node')), stdout);
});
