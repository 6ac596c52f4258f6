/**
 * Runs as root in its own network namespace: the gateway as another user, once unchanged and once patched to dial elsewhere, without
 * the rules of `sekisho export egress` and with them. Prints which services were reached.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { join } from 'node:path';

const [own, elsewhere] = [18_081, 18_082];
const user = 'nobody';
const root = join(import.meta.dirname, '../..');

execFileSync('ip', ['link', 'set', 'lo', 'up']);
const reached = { own: 0, elsewhere: 0 };
for (const [name, port] of [
  ['own', own],
  ['elsewhere', elsewhere],
] as const) {
  const server = createServer((_, res) => {
    reached[name]++;
    res.end('ok');
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
}

const dir = mkdtempSync('/tmp/sekisho-egress-');
execFileSync('chmod', ['755', dir]);
const config = join(dir, 'sekisho.yaml');
writeFileSync(
  config,
  `listen: ["127.0.0.1:18080"]\nsites: [{ hosts: [www.example.net], backend: "http://127.0.0.1:${own}" }]\nadmin: false\njournal: false\nuser: ${user}\n`,
);
// The patch does what a hole in the program would do.
const patch = join(dir, 'patch.mjs');
writeFileSync(
  patch,
  `import { Socket } from 'node:net';
const { connect } = Socket.prototype;
Socket.prototype.connect = function (...args) {
  const at = Array.isArray(args[0]) ? args[0] : args;
  if (Number(at[0]?.port) === ${own}) at[0] = { ...at[0], port: ${elsewhere} };
  return connect.apply(this, args);
};\n`,
);

let logged = '';

async function asked(patched: boolean): Promise<number> {
  const child = spawn(
    process.execPath,
    [...(patched ? ['--import', patch] : []), join(root, 'src/cli.ts'), 'start', '--config', config],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  logged = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    logged += text;
  });
  child.stdout.setEncoding('utf8');
  for await (const text of child.stdout) if (String(text).includes('listening http')) break;
  let status = 0;
  // A backend is reported once it has failed several times.
  for (let i = 0; i < 3; i++) status = await answer();
  child.kill('SIGKILL');
  await once(child, 'close');
  return status;
}

function answer(): Promise<number> {
  return new Promise((done) => {
    request({ port: 18_080, host: '127.0.0.1', headers: { host: 'www.example.net' } }, (res) => {
      res.resume();
      done(res.statusCode ?? 0);
    })
      .on('error', () => done(0))
      .end();
  });
}

const take = () => {
  const now = { ...reached };
  reached.own = reached.elsewhere = 0;
  return now;
};
const refused = (): number => {
  const rules = execFileSync('nft', ['list', 'table', 'inet', 'sekisho_egress'], { encoding: 'utf8' });
  return Number(/counter packets (\d+)/.exec(rules)?.[1]);
};

const result: Record<string, unknown> = {};
result.patchedWithout = { status: await asked(true), ...take() };
const rules = execFileSync(process.execPath, [
  join(root, 'src/cli.ts'),
  'export',
  'egress',
  '--config',
  config,
]);
execFileSync('nft', ['-f', '-'], { input: rules });
result.plainWith = { status: await asked(false), ...take(), refused: refused() };
result.patchedWith = { status: await asked(true), ...take() };
result.refused = refused() > 0;
result.logged =
  /EHOSTUNREACH.*refused by the kernel of this machine.*nft list table inet sekisho_egress/.test(logged);
// Loads the rules again over themselves, as after a change of the config.
execFileSync('nft', ['-f', '-'], { input: rules });
process.stdout.write(JSON.stringify(result));
process.exit(0);
