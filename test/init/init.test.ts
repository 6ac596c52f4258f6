import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { findServers, movedLine } from '../../src/init/found-server.ts';
import { newConfig } from '../../src/init/new-config.ts';
import { tempDir } from '../support/temp-dir.ts';

/** An /etc as with Debian's Apache and nginx, or with neither. */
async function etcWith(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const etc = await tempDir(t, 'etc');
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(etc, name, '..'), { recursive: true });
    await writeFile(join(etc, name), text);
  }
  return etc;
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

suite('the web server of the machine', () => {
  test('is recognised as Apache, nginx or none', async (t) => {
    assert.deepEqual(findServers(await etcWith(t, {})), []);
    const found = findServers(await etcWith(t, nginx))[0]!;
    assert.deepEqual([found.kind, found.names], ['nginx', ['shop.example.net']]);
    assert.deepEqual(
      found.listens.map(({ port }) => port),
      [80, 80, 443, 80],
    );
    assert.deepEqual(
      found.listens.map(({ secure, open }) => [secure, open]),
      [
        [false, true],
        [false, true],
        [true, true],
        [false, false],
      ],
    );
    assert.deepEqual(
      findServers(await etcWith(t, { ...nginx, ...apache })).map(({ kind }) => kind),
      ['apache', 'nginx'],
    );
  });

  test('listens on 443 only if an Apache module is loaded for it', async (t) => {
    const ports = async (module: string) => {
      const files = { ...apache, [`apache2/mods-enabled/${module}.load`]: 'LoadModule\n' };
      const [found] = findServers(await etcWith(t, files));
      return found!.listens.map(({ port }) => port);
    };
    assert.deepEqual(await ports('ssl'), [80, 443, 80]);
    assert.deepEqual(await ports('dir'), [80, 80]);
  });

  for (const [line, moved] of [
    ['Listen 80', 'Listen 127.0.0.1:8081'],
    ['Listen 192.0.2.1:80 http', 'Listen 127.0.0.1:8081 http'],
    ['<VirtualHost _default_:80>', '<VirtualHost _default_:8081>'],
    ['listen 80;', 'listen 127.0.0.1:8081;'],
    ['listen 0.0.0.0:80 default_server;', 'listen 127.0.0.1:8081 default_server;'],
    ['listen [::]:80;', null],
  ] as const)
    test(`${line} gets another address`, () => assert.equal(movedLine(line, '127.0.0.1:8081'), moved));
});

test('a new config contains the answers, whatever characters are in them', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string(), { minLength: 1 }),
      fc.string(),
      fc.string(),
      (hosts, backend, listen) => {
        const { sites, listen: at } = parse(newConfig({ hosts, backend, listen, https: null }));
        assert.deepEqual([at, sites], [[listen], [{ hosts, backend }]]);
      },
    ),
  );
});
