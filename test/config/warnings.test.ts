/** Warnings about valid but rarely intended settings, each with a similar config that has none. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { parseConfig } from '../../src/config/load.ts';
import { warningsOf } from '../../src/config/warnings.ts';
import { runProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';

const site = 'sites: [{ hosts: [www.example.net], backend: welcome }]\n';
const admin = (listen: string, tls = '') =>
  `${site}admin: { listen: "${listen}", token: 0123456789abcdef0123 ${tls} }`;
const ordering = (listen: string) =>
  `${site}listen: [{ address: "${listen}", tls: { acme: { terms: agreed } } }]`;
const orderingFor = (host: string, more = '') =>
  `sites: [{ hosts: ["${host}"], backend: welcome }]\nlisten: [{ address: "0.0.0.0:443", tls: { acme: { terms: agreed${more} } } }]`;
const hosts = (host: string) => `sites: [{ hosts: ["${host}"], backend: welcome }]\n`;
const sticky = (more: string, secret = '') =>
  `sites: [{ hosts: [www.example.net], balance: cookie, ${secret} backends: [{ url: "http://127.0.0.1:8081" }] }]\n${more}`;
const smtp = (more: string) =>
  `${site}smtp: { listen: "127.0.0.1:2525", backend: "127.0.0.1:10025", xclient: true, ${more} }`;

suite('warnings', () => {
  for (const [what, yaml, expected] of [
    [
      'trusted proxies that together are everybody',
      `${site}trustedProxies: [0.0.0.0/1, 128.0.0.0/1]`,
      /^trustedProxies: /,
    ],
    ['everybody, as 6to4', `${site}bans: { allow: ["2002:8000::/17"] }`, /^bans\.allow: /],
    ['a quarter of everybody, twice', `${site}trustedProxies: [0.0.0.0/2, 128.0.0.0/2]`, /^trustedProxies: /],
    ['all of IPv6 that is routed', `${site}trustedProxies: ["2000::/3"]`, /^trustedProxies: /],
    ['trusted proxies that are proxies', `${site}trustedProxies: [10.0.0.0/8, "fd00::/8"]`, null],
    ['an allow-list of everybody', `${site}bans: { allow: [0.0.0.0/0] }`, /^bans\.allow: /],
    ['an allow-list of some', `${site}bans: { allow: [192.0.2.0/24] }`, null],
    ['nobody limited', `${site}rateLimit: { allow: [0.0.0.0/0] }`, /^rateLimit\.allow: /],
    [
      'cookies that the rest of the fleet can not read',
      sticky('fleet: { valkey: "redis://127.0.0.1:6379" }'),
      /^sites\[0\]\.balance: .*cookieSecret/,
    ],
    [
      'cookies with a secret for the whole fleet',
      sticky('fleet: { valkey: "redis://127.0.0.1:6379" }', 'cookieSecret: 0123456789abcdef,'),
      null,
    ],
    ['cookies of one gateway', sticky(''), null],
    ['a top-level domain', hosts('*.com'), /^sites\[0\]\.hosts: \*\.com /],
    ['a second level of a registry', hosts('*.co.uk'), /\*\.co\.uk/],
    ['names of a provider', hosts('*.github.io'), /\*\.github\.io/],
    ["a domain of one's own", hosts('*.example.net'), null],
    ["names of one's own network", hosts('*.internal'), null],
    ['mail for a public suffix', smtp('domains: [com]'), /^smtp\.domains: com /],
    ["mail for a domain of one's own", smtp('domains: [example.net]'), null],
    [
      'relaying for a container bridge',
      smtp('domains: [example.net], relayFrom: [172.16.0.0/12]'),
      /^smtp\.relayFrom: it contains 172\.17\.0\.1, /,
    ],
    ["relaying for a network of one's own", smtp('domains: [example.net], relayFrom: [192.0.2.0/24]'), null],
    ['a token in the clear on every address', admin('0.0.0.0:9090'), /^admin\.listen: /],
    ['a token in the clear on a public address', admin('192.0.2.7:9090'), /^admin\.listen: /],
    [
      'ACME without port 80 or 443',
      ordering('0.0.0.0:8443'),
      /^listen: certificate authorities check challenges/,
    ],
    ['ACME with port 443', ordering('0.0.0.0:443'), null],
    ['ACME for a name of one label', orderingFor('printer'), /^acme: printer is no name of the internet/],
    ['ACME for a name of the local network', orderingFor('printer.local'), /^acme: printer\.local /],
    ['ACME for a name with an underscore', orderingFor('a_b.example.net'), /^acme: a_b\.example\.net /],
    [
      'the same with a private authority',
      orderingFor('printer.local', ', directory: "https://ca.example.net/dir"'),
      null,
    ],
    [
      'a redirect to nobody',
      `${site}listen: [{ address: "0.0.0.0:80", redirect: https }]`,
      /^listen\[0\]\.redirect: /,
    ],
    [
      'a redirect to our own listener',
      `${ordering('0.0.0.0:443').slice(0, -1)}, { address: "0.0.0.0:80", redirect: https }]`,
      null,
    ],
    ['a token on loopback', admin('127.0.0.1:9090'), null],
    ['a token on a private address', admin('10.0.0.5:9090'), null],
  ] as const)
    test(what, () => {
      const warnings = warningsOf(parseConfig(yaml, '.')).filter(
        (one) => !one.startsWith('smtp: without tls'),
      );
      if (expected === null) assert.deepEqual(warnings, []);
      else {
        assert.equal(warnings.length, 1, warnings.join('\n'));
        assert.match(warnings[0]!, expected);
      }
    });

  test('check prints them on stderr, one per line, and exits 0', async (t) => {
    const file = join(await tempDir(t, 'checked'), 'sekisho.yaml');
    await writeFile(file, `${hosts('*.com')}trustedProxies: [0.0.0.0/1, 128.0.0.0/1]\n`);
    const cli = join(import.meta.dirname, '../../src/cli.ts');
    const { code, stdout, stderr } = await runProcess(process.execPath, [cli, 'check', '--config', file]);
    assert.equal(code, 0);
    assert.match(stdout, / is fine: /);
    assert.doesNotMatch(stdout, /warning/);
    assert.deepEqual(
      stderr
        .trimEnd()
        .split('\n')
        .map((line) => line.split(':', 2).join(':')),
      ['warning: trustedProxies', 'warning: sites[0].hosts'],
    );
  });
});
