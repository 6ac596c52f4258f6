import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { findServer, movedLine } from '../../src/init/found-server.ts';
import { newConfig } from '../../src/init/new-config.ts';
import { runProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';

const cli = join(import.meta.dirname, '../../src/cli.ts');

/** An /etc of Debian's Apache and nginx, or of neither. */
async function machine(t: TestContext, files: Readonly<Record<string, string>> = {}) {
  const dir = await tempDir(t, 'init');
  const etc = join(dir, 'etc');
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(etc, name, '..'), { recursive: true });
    await writeFile(join(etc, name), text);
  }
  const init = (args: readonly string[], input = '') =>
    runProcess(process.execPath, [cli, 'init', '--etc', etc, ...args], { cwd: dir, input });
  const written = async () => parse(await readFile(join(dir, 'sekisho.yaml'), 'utf8'));
  return { dir, etc, init, written };
}

const apache = {
  'apache2/ports.conf': 'Listen 80\n<IfModule ssl_module>\n\tListen 443\n</IfModule>\n',
  'apache2/sites-enabled/000-default.conf':
    '<VirtualHost *:80>\n\tServerName www.example.net:80\n\tServerAlias example.net *.example.net\n</VirtualHost>\n',
};
const nginx = {
  'nginx/sites-enabled/default':
    'server {\n\tlisten 80 default_server;\n\tlisten [::]:80 default_server;\n\tserver_name _;\n}\n' +
    'server { listen 443 ssl; listen 127.0.0.1:80; server_name shop.example.net ~^www; }\n',
};

suite('sekisho init', () => {
  test('asks three questions, and offers what the web server of the machine says', async (t) => {
    const { init, written } = await machine(t, apache);
    const { code, stdout } = await init([], '\n\n\n');
    assert.equal(code, 0);
    assert.match(
      stdout,
      /\[www\.example\.net example\.net\].*\[http:\/\/127\.0\.0\.1:8081\].*\[0\.0\.0\.0:80\]/,
    );
    assert.match(stdout, /- Listen 80\n {7}\+ Listen 127\.0\.0\.1:8081\n/);
    assert.match(stdout, /- <VirtualHost \*:80>\n {7}\+ <VirtualHost \*:8081>\n/);
    assert.doesNotMatch(stdout, /443/);
    const { listen, sites } = await written();
    assert.deepEqual(listen, ['0.0.0.0:80']);
    assert.deepEqual(sites, [
      { hosts: ['www.example.net', 'example.net'], backend: 'http://127.0.0.1:8081' },
    ]);
  });

  test('takes answers', async (t) => {
    const { init, written } = await machine(t);
    const { code } = await init([], 'a.example.net, b.example.net\nunix:/run/app.sock\n127.0.0.1:8080\n');
    assert.equal(code, 0);
    const { listen, sites } = await written();
    assert.deepEqual(
      [listen, sites],
      [['127.0.0.1:8080'], [{ hosts: ['a.example.net', 'b.example.net'], backend: 'unix:/run/app.sock' }]],
    );
  });

  test('asks nothing where the names are given', async (t) => {
    const { init, dir } = await machine(t, nginx);
    const { code, stdout } = await init(['--host', 'www.example.net', '--output', 'other.yaml']);
    assert.equal(code, 0);
    assert.match(stdout, /^other\.yaml is written\./);
    assert.match(stdout, /- listen \[::\]:80 default_server;\n {5}\//, 'a line that is to go');
    assert.match(stdout, /- listen 127\.0\.0\.1:80;\n {7}\+ listen 127\.0\.0\.1:8081;\n/);
    const check = await runProcess(process.execPath, [cli, 'check', '--config', join(dir, 'other.yaml')]);
    assert.match(check.stdout, /is fine: 1 listener, 1 site, 1 host/);
  });

  test('says what is missing, and writes nothing', async (t) => {
    const { init, written } = await machine(t);
    const { code, stderr } = await init([]);
    assert.equal(code, 2);
    assert.match(stderr, /no answer to "Which names.*\n {2}mend: answer it, or give --host/);
    await assert.rejects(written(), { code: 'ENOENT' });
  });

  test('writes no config that would not start', async (t) => {
    const { init, written } = await machine(t);
    const { code, stderr } = await init(['--host', 'http://www.example.net/', '--listen', '80']);
    assert.equal(code, 1);
    assert.match(stderr, /sekisho\.yaml:\d+: sites\[0\]\.hosts\[0\]\n.*\n {2}mend: /);
    assert.match(stderr, /sekisho\.yaml:\d+: listen/);
    await assert.rejects(written(), { code: 'ENOENT' });
  });

  test('never overwrites unasked', async (t) => {
    const { init, dir, written } = await machine(t);
    await writeFile(join(dir, 'sekisho.yaml'), 'mine: true\n');
    const { code, stderr } = await init(['--host', 'www.example.net']);
    assert.equal(code, 1);
    assert.match(stderr, /is there already\n {2}mend: .*--force/);
    assert.deepEqual(await written(), { mine: true });
    assert.equal((await init(['--host', 'www.example.net', '--force'])).code, 0);
    assert.equal((await written()).sites.length, 1);
  });
});

suite('the web server of the machine', () => {
  test('is Apache, nginx or none', async (t) => {
    assert.equal(findServer((await machine(t)).etc), null);
    const found = findServer((await machine(t, nginx)).etc)!;
    assert.deepEqual([found.kind, found.names], ['nginx', ['shop.example.net']]);
    assert.deepEqual(
      found.listens.map(({ port }) => port),
      [80, 80, 443, 80],
    );
    assert.equal(findServer((await machine(t, { ...nginx, ...apache })).etc)?.kind, 'apache');
  });

  for (const [line, moved] of [
    ['Listen 80', 'Listen 127.0.0.1:8081'],
    ['Listen 192.0.2.1:80 http', 'Listen 127.0.0.1:8081 http'],
    ['<VirtualHost _default_:80>', '<VirtualHost _default_:8081>'],
    ['listen 80;', 'listen 127.0.0.1:8081;'],
    ['listen 0.0.0.0:80 default_server;', 'listen 127.0.0.1:8081 default_server;'],
    ['listen [::]:80;', null],
  ] as const)
    test(`${line} moves`, () => assert.equal(movedLine(line, '127.0.0.1:8081'), moved));
});

test('a new config says what was answered, whatever is in it', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string(), { minLength: 1 }),
      fc.string(),
      fc.string(),
      (hosts, backend, listen) => {
        const { sites, listen: at } = parse(newConfig({ hosts, backend, listen }));
        assert.deepEqual([at, sites], [[listen], [{ hosts, backend }]]);
      },
    ),
  );
});
