import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, suite, test } from 'node:test';
import fc from 'fast-check';
import { ConfigError, type Fault } from '../../src/config/fault.ts';
import { loadConfig, parseConfig } from '../../src/config/load.ts';
import type { Overlay } from '../../src/config/overlay.ts';
import { tempDir } from '../support/temp-dir.ts';

const site = 'sites:\n  - hosts: [www.example.net]\n    backend: http://127.0.0.1:8081\n';

function faultsOf(load: () => unknown): readonly Fault[] {
  try {
    load();
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

suite('a loaded config', () => {
  const full = loadConfig(`${import.meta.dirname}/good/full.yaml`);

  test('has the defaults for keys that are not written', () => {
    const config = parseConfig(site, '/etc/sekisho');
    assert.deepEqual(config.listen, [
      {
        host: '127.0.0.1',
        family: 4,
        port: 8080,
        text: '127.0.0.1:8080',
        tls: null,
        proxyProtocol: false,
        clients: null,
        redirect: null,
      },
    ]);
    assert.deepEqual(config.policy, { preset: 'default', methods: null, rules: {} });
    assert.deepEqual(config.timeouts, {
      connect: 5000,
      headers: 60_000,
      body: 60_000,
      idle: 60_000,
      minRate: 500,
      upgrade: 300_000,
      drain: 10_000,
    });
    assert.deepEqual(config.limits, {
      headerBytes: 16_384,
      requestHeaders: 10_000,
      bufferedBody: 65_536,
      connectionsPerClient: 256,
    });
    assert.deepEqual(config.bans, {
      after: 5,
      within: 600_000,
      for: [600_000, 3_600_000, 86_400_000],
      allow: [],
      answer: 403,
      lists: [],
      prefix6: 64,
    });
    assert.deepEqual(config.rateLimit, { max: 1000, timeWindow: 60_000, allow: [] });
    assert.equal(config.admin, false);
    assert.equal(config.workers, 1);
    assert.equal(config.via, false);
    assert.deepEqual(config.log, { level: 'info', format: 'auto', access: false, file: null });
    assert.equal(config.sites[0]!.websocket, false);
  });

  test('an admin map without listen gets the default address and no token', () => {
    const { admin } = parseConfig(`admin: {}\n${site}`, '.');
    assert.ok(admin);
    assert.deepEqual([admin.listen.text, admin.token], ['127.0.0.1:9090', null]);
  });

  test('has hosts in canonical spelling', () => {
    assert.deepEqual(
      full.sites[0]!.hosts.map(({ host, kind, wildcard, port }) => [host, kind, wildcard, port]),
      [
        ['www.example.net', 'name', false, null],
        ['gate.example.net', 'name', false, 8443],
        ['*.shop.example.net', 'name', true, null],
        ['xn--bcher-kva.example.net', 'name', false, null],
        ['192.0.2.7', 'ipv4', false, 'any'],
        ['[2001:db8::7]', 'ipv6', false, 81],
      ],
    );
    assert.equal(full.sites[1]!.hosts[0]!.host, 'old.example.net');
  });

  test('has backends with all their parts', () => {
    assert.deepEqual(full.sites[0]!.backends, [
      {
        kind: 'tcp',
        url: 'http://127.0.0.1:8081',
        protocol: 'http',
        host: '127.0.0.1',
        port: 8081,
        weight: 3,
      },
      {
        kind: 'tcp',
        url: 'https://[2001:db8::20]:443',
        protocol: 'https',
        host: '2001:db8::20',
        port: 443,
        weight: 1,
      },
      { kind: 'unix', url: 'unix:/run/app.sock', path: '/run/app.sock', weight: 1 },
    ]);
    assert.equal(full.sites[1]!.backends[0]!.url, 'http://old.internal:80');
    assert.deepEqual(full.sites[2]!.backends, [{ kind: 'welcome', url: 'welcome', weight: 1 }]);
  });

  test('has canonical prefixes and absolute file names', () => {
    assert.deepEqual(full.trustedProxies, ['192.0.2.10/32', '10.0.0.0/8', '172.16.0.0/12']);
    assert.ok(full.bans);
    assert.deepEqual(full.bans.lists, [resolve(import.meta.dirname, 'lists/blocklist.txt')]);
  });

  test('lays the policy of a site over the global one', () => {
    assert.deepEqual(full.sites[0]!.policy, {
      preset: 'strict',
      methods: ['GET', 'HEAD', 'POST'],
      rules: {
        'host-foreign': { action: 'block', answer: 404 },
        connect: { answer: 403 },
        'url-in-path': { action: 'allow' },
      },
    });
    assert.deepEqual(full.sites[1]!.policy, full.policy);
  });

  test('is deeply frozen and can be sent to a worker thread', () => {
    const stack: unknown[] = [full];
    while (stack.length > 0) {
      const value = stack.pop();
      if (typeof value !== 'object' || value === null) continue;
      assert.ok(Object.isFrozen(value), JSON.stringify(value));
      stack.push(...Object.values(value));
    }
    assert.deepEqual(structuredClone(full), full);
  });

  test('shares nothing with another config', () => {
    assert.notEqual(parseConfig(site, '.').policy, parseConfig(site, '.').policy);
  });
});

suite('files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-config-'));
  after(() => rmSync(folder, { recursive: true }));

  test('a missing file is one fault', () => {
    const [fault, ...rest] = faultsOf(() => loadConfig(join(folder, 'none.yaml')));
    assert.match(fault!.message, /is missing/);
    assert.deepEqual(rest, []);
  });

  test('a folder is one fault', () =>
    assert.match(faultsOf(() => loadConfig(folder))[0]!.message, /is a folder/));

  test('bytes that are not UTF-8 are one fault', () => {
    const file = join(folder, 'latin1.yaml');
    writeFileSync(file, Buffer.from('sites: b\xfccher', 'latin1'));
    assert.match(faultsOf(() => loadConfig(file))[0]!.message, /is not UTF-8/);
  });

  test('a byte order mark and CRLF are accepted', () => {
    const file = join(folder, 'windows.yaml');
    writeFileSync(file, `\ufeff${site.replaceAll('\n', '\r\n')}`);
    assert.equal(loadConfig(file).sites.length, 1);
  });
});

suite('any text', () => {
  const words = fc.constantFrom(
    ...[
      'listen',
      'sites',
      'hosts',
      'backend',
      'backends',
      'url',
      'policy',
      'rules',
      'connect',
      'answer',
      'bans',
      'for',
    ],
    ...[
      ': ',
      '\n',
      '\n  ',
      '\n  - ',
      '- ',
      '[',
      ']',
      '{',
      '}',
      '"',
      '&a ',
      '*a',
      '!!binary ',
      '? ',
      '<<',
      '__proto__',
    ],
    ...[
      '127.0.0.1:8080',
      '[::1]:80',
      'http://',
      '10m',
      '200',
      'null',
      '-0',
      '.nan',
      '\u3002',
      '\ud800',
      '\0',
      '\t',
    ],
  );

  test('gives a config, or a ConfigError with printable faults, never another error', () => {
    const text = fc.oneof(
      fc.array(words, { maxLength: 40 }).map((parts) => parts.join('')),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(fc.boolean(), text, (valid, rest) => {
        for (const fault of faultsOf(() => parseConfig(valid ? `${site}${rest}` : rest, '.')))
          assert.ok(fault.message.length > 0 && fault.fix.length > 0 && JSON.stringify(fault).length < 4000);
      }),
      { numRuns: 1500 },
    );
  });

  test('any data in any place of a config, too', () => {
    const keys = [
      'listen',
      'sites',
      'trustedProxies',
      'policy',
      'timeouts',
      'bans',
      'rateLimit',
      'admin',
      'workers',
      'log',
    ];
    fc.assert(
      fc.property(fc.constantFrom(...keys), fc.jsonValue({ maxDepth: 4 }), (key, value) => {
        faultsOf(() =>
          parseConfig(JSON.stringify({ [key]: value, sites: [value], policy: { rules: value } }), '.'),
        );
      }),
      { numRuns: 500 },
    );
  });
});

suite('flags over the file', () => {
  const token = 'admin: { listen: 127.0.0.1:9090, token: 0123456789abcdef }\n';
  const load = (overlay: Overlay, text = site + token) => parseConfig(text, '.', { overlay });

  test('replace the list of the file', () => {
    const { listen } = load({ listen: ['127.0.0.1:1', '[::1]:2'] });
    assert.deepEqual(
      listen.map(({ text }) => text),
      ['127.0.0.1:1', '[::1]:2'],
    );
  });

  test('--host and --backend make one site out of many', () => {
    const two = `${site}  - hosts: [b.example.net]\n    backend: welcome\n`;
    const { sites } = load({ host: ['x.example.net', 'y.example.net'], backend: ['welcome'] }, two);
    assert.deepEqual(
      sites.map(({ hosts }) => hosts.map(({ host }) => host)),
      [['x.example.net', 'y.example.net']],
    );
    assert.equal(sites[0]!.backends[0]!.kind, 'welcome');
  });

  test('one of the two flags changes the only site of the file', () => {
    const websocket = `${site}    websocket: true\n`;
    const renamed = load({ host: ['x.example.net'] }, websocket).sites[0]!;
    assert.equal(renamed.backends[0]!.url, 'http://127.0.0.1:8081');
    assert.equal(renamed.websocket, true);
    assert.equal(load({ backend: ['unix:/run/a.sock'] }).sites[0]!.backends[0]!.url, 'unix:/run/a.sock');
  });

  test('--backend replaces a list of backends', () => {
    const several = 'sites:\n  - hosts: [a.example.net]\n    backends: [{ url: welcome }]\n';
    assert.deepEqual(load({ backend: ['http://127.0.0.1:1'] }, several).sites[0]!.backends.length, 1);
  });

  test('--admin keeps the token of the file', () => {
    const { admin } = load({ admin: '127.0.0.1:9999' });
    assert.deepEqual(admin && [admin.listen.port, admin.token], [9999, '0123456789abcdef']);
  });

  test('without a file the flags and the defaults are the config', () => {
    const config = loadConfig(undefined, { overlay: { host: ['a.example.net'], backend: ['welcome'] } });
    assert.equal(config.listen[0]!.text, '127.0.0.1:8080');
  });

  test('a fault in a flag names the flag', () => {
    const faults = faultsOf(() =>
      loadConfig(undefined, {
        overlay: { listen: ['localhost:1'], host: ['a b'], backend: ['http://x/y'], admin: 'nowhere' },
      }),
    );
    assert.deepEqual(faults.map(({ path, value, line }) => [path, value, line]).sort(), [
      ['--admin', 'nowhere', null],
      ['--backend', 'http://x/y', null],
      ['--host', 'a b', null],
      ['--listen', 'localhost:1', null],
    ]);
  });

  test('a host without a backend names the flag that is missing', () => {
    const faults = faultsOf(() => loadConfig(undefined, { overlay: { host: ['a.example.net'] } }));
    assert.deepEqual(
      faults.map(({ path, message }) => [path, message]),
      [['--backend', 'is missing']],
    );
  });
});

test('a list is opened but not read when the config is checked: a reload would stall requests', async (t) => {
  const folder = await tempDir(t, 'lists');
  const list = join(folder, 'list.txt');
  const file = await open(list, 'w');
  // More than can be read at once.
  await file.truncate(3 * 2 ** 30);
  await file.close();
  const yaml = (name: string): string =>
    `sites: [{ hosts: [www.example.net], backend: welcome }]\nbans: { lists: [${name}] }\n`;
  const { bans } = parseConfig(yaml('list.txt'), folder);
  assert.ok(bans !== false);
  assert.deepEqual(bans.lists, [list]);
  assert.throws(() => parseConfig(yaml('.'), folder), /bans\.lists\[0\]: "\." can't be read/);
  assert.throws(() => parseConfig(yaml('missing.txt'), folder), /can't be read/);
});
