/** `sekisho init`: turns flags, or answers on stdin, into a config that passes `check` and that the gateway runs with. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { certificate } from '../support/certificate.ts';
import { root } from '../support/gateway-process.ts';
import type { Owner } from '../support/owner.ts';
import { type ProcessOptions, runProcess, startProcess } from '../support/process.ts';
import { recordingBackend } from '../support/recording-backend.ts';
import { tempDir } from '../support/temp-dir.ts';

const apache = {
  'apache2/ports.conf': 'Listen 80\n<IfModule ssl_module>\n\tListen 443\n</IfModule>\n',
  'apache2/sites-enabled/shop.conf':
    '<VirtualHost *:80>\n  ServerName shop.example.net\n  ServerAlias www.example.net *.example.org\n</VirtualHost>\n',
};
const nginx = {
  'nginx/sites-enabled/default':
    'server {\n  listen 80 default_server;\n  listen [::]:80;\n  server_name _ news.example.net;\n}\n',
};

interface Place {
  readonly config: string;
  readonly etc: string;
  init(args: readonly string[], options?: ProcessOptions): ReturnType<typeof runProcess>;
}

const names = ({ hosts }: Config['sites'][number]): string[] => hosts.map(({ host }) => host);

/** A folder for the output, with its own /etc. */
async function place(owner: Owner, files: Readonly<Record<string, string>> = {}): Promise<Place> {
  const folder = await tempDir(owner, 'init');
  const etc = join(folder, 'etc');
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(etc, name, '..'), { recursive: true });
    writeFileSync(join(etc, name), text);
  }
  const config = join(folder, 'sekisho.yaml');
  return {
    config,
    etc,
    init: (args, options) => {
      const all = [join(root, 'src/cli.ts'), 'init', '--etc', etc, '--output', config, ...args];
      return runProcess(process.execPath, all, { cwd: folder, timeout: 30_000, ...options });
    },
  };
}

suite('sekisho init', () => {
  test('takes flags as answers, and asks nothing', async (t) => {
    const { config, init } = await place(t);
    const flags = [
      '--host',
      'www.example.net',
      '--host',
      'example.net',
      '--backend',
      'http://127.0.0.1:3000',
    ];
    const { code, stdout, stderr } = await init([...flags, '--listen', '127.0.0.1:8080']);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.doesNotMatch(stdout, /\?/);
    const { listen, sites } = loadConfig(config);
    assert.deepEqual(
      listen.map(({ host, port }) => `${host}:${port}`),
      ['127.0.0.1:8080'],
    );
    assert.deepEqual(
      sites.map((site) => names(site)),
      [['www.example.net', 'example.net']],
    );
    assert.match(readFileSync(config, 'utf8'), /^ +backend: http:\/\/127\.0\.0\.1:3000$/m);
    assert.match(readFileSync(config, 'utf8'), /^# /m);
    assert.equal(statSync(config).mode & 0o007, 0, 'its owner may put a token there');
  });

  test('asks three questions, and an empty answer takes the default', async (t) => {
    const { config, init } = await place(t, apache);
    const { code, stdout } = await init([], { input: '\n\n127.0.0.1:8080\n' });
    assert.equal(code, 0);
    assert.equal(stdout.split('?').length - 1, 3, stdout);
    const { listen, sites } = loadConfig(config);
    assert.equal(listen[0]!.port, 8080);
    // A wildcard is not offered: the owner may serve fewer names.
    assert.deepEqual(names(sites[0]!), ['shop.example.net', 'www.example.net']);
  });

  test('prints how to move Apache to another port', async (t) => {
    const { etc, init } = await place(t, apache);
    const { stdout, stderr } = await init(['--host', 'www.example.net']);
    assert.match(stdout, /Let Apache listen on 127\.0\.0\.1:8081 instead of port 80/);
    assert.ok(stdout.includes(join(etc, 'apache2/sites-enabled/shop.conf')), stdout);
    assert.ok(stdout.includes('+ Listen 127.0.0.1:8081\n'), stdout);
    assert.ok(stdout.includes('+ <VirtualHost *:8081>\n'), stdout);
    // Without a certificate to take over, HTTPS stays on Apache, with a warning.
    assert.match(
      stderr,
      /Apache can still be reached without Sekisho on port 443 \(HTTPS\): Listen 443 in .*ports\.conf\n/,
    );
    assert.match(stderr, /fix: /);
  });

  test('takes over the certificates of Apache and nginx, and names both', async (t) => {
    const [one, two] = [
      await certificate(t, ['shop.example.net']),
      await certificate(t, ['news.example.net']),
    ];
    const { config, init } = await place(t, {
      ...apache,
      'apache2/sites-enabled/ssl.conf': `<VirtualHost *:443>\n  SSLEngine on\n  SSLCertificateFile ${one.cert}\n  SSLCertificateKeyFile "${one.key}"\n</VirtualHost>\n`,
      'nginx/sites-enabled/default': `server {\n  listen 80;\n  listen 443 ssl http2;\n  listen 8443 ssl;\n  server_name news.example.net;\n  ssl_certificate ${two.cert};\n  ssl_certificate_key ${two.key};\n}\n`,
    });
    const { code, stdout, stderr } = await init([], { input: '\n\n\n' });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /\[shop\.example\.net www\.example\.net news\.example\.net\]/);
    const { listen } = loadConfig(config);
    assert.deepEqual(
      listen.map(({ text, redirect, tls }) => [text, redirect, tls]),
      [
        ['0.0.0.0:80', 'https', null],
        ['0.0.0.0:443', null, [one, two]],
      ],
    );
    assert.match(stdout, /Let Apache listen on[\s\S]*Let nginx listen on/);
    assert.match(stdout, /- Listen 443\n(?! +\+)/);
    assert.match(stdout, /\+ <VirtualHost \*:8081>\n/);
    assert.match(stdout, /- listen 443 ssl http2;\n +\+ listen 127\.0\.0\.1:8081;\n/);
    assert.match(stdout, /- listen 80;\n +\+ listen 127\.0\.0\.1:8082;\n/);
    assert.deepEqual(stderr.match(/without Sekisho on port \d+/g), ['without Sekisho on port 8443']);
  });

  test('reads the snippets that nginx includes, and takes its HTTP/3 away', async (t) => {
    const { cert, key } = await certificate(t, ['news.example.net']);
    const { config, init } = await place(t, {
      'nginx/nginx.conf': 'http {\n  include /etc/nginx/sites-enabled/*;\n  include vhosts/*.conf;\n}\n',
      'nginx/snippets/ssl.conf': `ssl_certificate ${cert};\nssl_certificate_key ${key};\ninclude snippets/ssl.conf;\n`,
      'nginx/vhosts/news.conf':
        'server {\n  listen 80;\n  server_name news.example.net;\n  return 301 https://$host$request_uri;\n}\n' +
        'server {\n  listen 443 ssl;\n  listen 443 quic reuseport;\n  server_name news.example.net;\n  include snippets/ssl.conf;\n}\n',
    });
    const { code, stdout, stderr } = await init([], { input: '\n\n\n' });
    assert.equal(code, 0, stderr);
    assert.deepEqual(loadConfig(config).listen.at(-1)!.tls, [{ cert, key }]);
    assert.match(stdout, /- listen 443 ssl;\n +\+ listen 127\.0\.0\.1:8081;\n/);
    assert.match(stdout, /- listen 443 quic reuseport;\n(?! +\+)/);
    assert.equal(stderr, '');
  });

  test('offers ACME certificates if those of the web server can not be read', async (t) => {
    const { config, init } = await place(t, apache);
    const { code, stdout } = await init([], { input: '\n\n\nadmin@example.net\n' });
    assert.equal(code, 0);
    assert.match(stdout, /under its terms \(https:\/\/letsencrypt\.org\/repository\/\)/);
    const { listen, acme } = loadConfig(config);
    assert.deepEqual(
      listen.map(({ text, redirect, tls }) => [text, redirect, tls?.length]),
      [
        ['0.0.0.0:80', 'https', undefined],
        ['0.0.0.0:443', null, 2],
      ],
    );
    assert.deepEqual(
      [acme!.email, acme!.hosts],
      ['admin@example.net', ['shop.example.net', 'www.example.net']],
    );
    for (const answer of ['no\n', '\n', '']) {
      assert.equal((await init(['--force'], { input: `\n\n\n${answer}` })).code, 0);
      assert.equal(loadConfig(config).acme, null);
    }
  });

  test('--acme orders certificates only with --agree-terms', async (t) => {
    const { config, init } = await place(t);
    const flags = ['--host', 'www.example.net', '--acme', 'admin@example.net'];
    const refused = await init(flags);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /fix: read them \(https:.*\) and add --agree-terms/);
    assert.equal((await init([...flags, '--agree-terms'])).code, 0);
    const { listen, acme } = loadConfig(config);
    assert.deepEqual([listen.map(({ port }) => port), acme!.hosts], [[80, 443], ['www.example.net']]);
    assert.match(
      (await init([...flags, '--agree-terms', '--force', '--acme', 'nobody'])).stderr,
      /acme\.email[\s\S]*nothing was written/,
    );
  });

  test('prints how to move nginx to another port, and offers its names', async (t) => {
    const { init } = await place(t, nginx);
    const { stdout } = await init([], { input: '\n\n\n' });
    assert.match(stdout, /for your server\? \[news\.example\.net\]/);
    assert.match(stdout, /Let nginx listen on 127\.0\.0\.1:8081 instead of port 80/);
    assert.ok(stdout.includes('+ listen 127.0.0.1:8081 default_server;\n'), stdout);
  });

  test('overwrites nothing without --force', async (t) => {
    const { config, init } = await place(t);
    writeFileSync(config, 'mine\n');
    const refused = await init(['--host', 'www.example.net']);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /already exists\n {2}fix: .*--force/);
    assert.equal(readFileSync(config, 'utf8'), 'mine\n');
    assert.equal((await init(['--host', 'www.example.net', '--force'])).code, 0);
    assert.doesNotMatch(readFileSync(config, 'utf8'), /mine/);
  });

  test('writes nothing if the answers make no valid config', async (t) => {
    const { config, init } = await place(t);
    const { code, stderr } = await init(['--host', 'www.example.net', '--backend', 'gopher://127.0.0.1']);
    assert.equal(code, 1);
    assert.match(stderr, /backend\n[\s\S]*fix: [\s\S]*nothing was written/);
    assert.throws(() => statSync(config), { code: 'ENOENT' });
  });

  test('names the flag to give if nobody answers', async (t) => {
    const { config, init } = await place(t);
    const { code, stderr } = await init([], { input: '' });
    assert.equal(code, 2);
    assert.match(stderr, /fix: answer it, or give --host/);
    assert.throws(() => statSync(config), { code: 'ENOENT' });
  });

  test('an answer stays text, whatever YAML would read it as', async (t) => {
    const { config, init } = await place(t);
    const { code } = await init(['--host', 'www.example.net', '--host', '*.example.net', '--host', '[::1]']);
    assert.equal(code, 0);
    assert.deepEqual(names(loadConfig(config).sites[0]!), ['www.example.net', '*.example.net', '[::1]']);
  });

  test('the gateway runs with the written config', async (t) => {
    const backend = await recordingBackend(t);
    const { config, init } = await place(t);
    const answers = `www.example.net\nhttp://127.0.0.1:${backend.port}\n127.0.0.1:0\n`;
    assert.equal((await init([], { input: answers })).code, 0);
    const cli = join(root, 'src/cli.ts');
    const checked = await runProcess(process.execPath, [cli, 'check', '--config', config]);
    assert.equal(checked.code, 0, checked.stdout);
    const start = ['start', '--config', config, '--admin', '127.0.0.1:0'];
    const gateway = await startProcess(t, process.execPath, [cli, ...start], { cwd: join(config, '..') });
    const [, port] = await gateway.waitForLine(/^listening http 127\.0\.0\.1:(\d+)$/);
    assert.equal(await status(Number(port), '/', 'www.example.net'), 200);
    assert.equal(await status(Number(port), 'http://www.example.com/', 'www.example.com'), 421);
    await gateway.stop();
  });
});

function status(port: number, path: string, host: string): Promise<number> {
  return new Promise((done, fail) => {
    get({ port, path, headers: { host }, agent: false }, (res) => {
      res.resume();
      done(res.statusCode!);
    }).once('error', fail);
  });
}
