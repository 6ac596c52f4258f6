/** Which site a host belongs to. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Site } from '../../src/rules/policy.ts';
import { SiteTable } from '../../src/rules/site-table.ts';

const site = (name: string) => ({ name }) as Site;
const table = new SiteTable(
  ['www.example.net', 'own.shop.example.net', '*.shop.example.net', '*.a.shop.example.net'].map((host) => ({
    host,
    site: site(host),
  })),
  [8080],
);
const longest = `aa.${'a.'.repeat(117)}shop.example.net`;

for (const [what, find] of [
  ['a canonical host', (host: string) => table.find(host)?.name],
  ['a Host line', (host: string) => table.findVerbatim(host)?.name],
] as const)
  test(`${what} is found by its exact name first, then by the longest wildcard`, () => {
    for (const [host, expected] of [
      ['www.example.net', 'www.example.net'],
      ['own.shop.example.net', 'own.shop.example.net'],
      ['b.shop.example.net', '*.shop.example.net'],
      ['c.b.shop.example.net', '*.shop.example.net'],
      ['b.a.shop.example.net', '*.a.shop.example.net'],
      ['a.shop.example.net', '*.shop.example.net'],
      ['shop.example.net', undefined],
      ['xshop.example.net', undefined],
      ['example.net', undefined],
      ['*.shop.example.net', undefined],
      ['net', undefined],
      ['', undefined],
      // A backend may read these as two names, or as none.
      ['evil,b.shop.example.net', undefined],
      ['evil;b.shop.example.net', undefined],
      ['.shop.example.net', undefined],
      ['b..shop.example.net', undefined],
      ['b.shop.example.net.', undefined],
      ['B.shop.example.net', undefined],
      [longest, '*.a.shop.example.net'],
      [`a${longest}`, undefined],
    ] as const)
      assert.equal(find(host), expected, host);
    assert.equal(longest.length, 253);
  });

test('a Host line is found with the port of a listener, and with no other', () => {
  assert.equal(table.findVerbatim('www.example.net:8080')?.name, 'www.example.net');
  for (const line of ['www.example.net:8081', 'www.example.net:80', 'b.shop.example.net:8080'])
    assert.equal(table.findVerbatim(line), undefined, line);
  table.addUsualPort(8081);
  assert.equal(table.findVerbatim('www.example.net:8081')?.name, 'www.example.net');
  assert.equal(table.find('www.example.net:8080'), undefined);
});

test('without wildcards only exact names are found', () => {
  const exact = new SiteTable([{ host: 'www.example.net', site: site('www.example.net') }]);
  assert.equal(exact.find('www.example.net')?.name, 'www.example.net');
  assert.equal(exact.find('b.www.example.net'), undefined);
  assert.equal(exact.findVerbatim('b.www.example.net'), undefined);
});
