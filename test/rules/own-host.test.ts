import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import {
  foreignHostInForwarded,
  foreignHostInList,
  foreignHostInUrl,
  foreignUrlInPath,
} from '../../src/rules/own-host.ts';
import { corpusPolicy } from '../support/policy.ts';
import { nearTarget } from '../wire/arbitraries.ts';

const { sites } = corpusPolicy().policy;

suite('foreign hosts in texts', () => {
  for (const [value, foreign] of [
    ['www.example.net', null],
    ['WWW.EXAMPLE.NET:8080, gate.example.net', null],
    ['www.example.net, evil.example', 'evil.example'],
    ['evil.example', 'evil.example'],
    ['http://evil', 'http://evil'],
    ['', null],
    [',', null],
  ] as const)
    test(`X-Forwarded-Host: ${value}`, () => {
      const found = foreignHostInList(sites, value);
      assert.equal(found === null ? null : value.slice(found.start, found.end), foreign);
    });

  for (const [value, foreign] of [
    ['for=192.0.2.1;host=www.example.net', null],
    ['for=192.0.2.1;host="www.example.net:443";proto=https', null],
    ['for=192.0.2.1, for=192.0.2.2;HOST=evil.example', 'evil.example'],
    ['host="evil.example"', 'evil.example'],
    ['for=192.0.2.1; host=evil.example', 'evil.example'],
    ['for=192.0.2.1 host = evil.example', 'evil.example'],
    ['for=host', null],
  ] as const)
    test(`Forwarded: ${value}`, () => {
      const found = foreignHostInForwarded(sites, value);
      assert.equal(found === null ? null : value.slice(found.start, found.end), foreign);
    });

  for (const [value, isForeign] of [
    ['/x', false],
    ['http://www.example.net/x', false],
    ['http://evil.example/', true],
    ['//evil.example/', true],
    ['//www.example.net/', false],
    ['\\\\evil.example\\', true],
    ['ftp://www.example.net/', true],
    ['evil', true],
  ] as const)
    test(`Destination: ${value}`, () => assert.equal(foreignHostInUrl(sites, value) !== null, isForeign));

  for (const [path, host] of [
    ['/', null],
    ['/?u=http://evil.example/', null],
    ['/redirect/http://evil.example/', null],
    ['//evil.example/x', 'evil.example'],
    ['///evil.example/x', 'evil.example'],
    ['/\\evil.example/x', 'evil.example'],
    ['/http://evil.example/', 'evil.example'],
    ['/HTTP:/evil.example/', 'evil.example'],
    ['//www.example.net/x', null],
    ['//style.css', null],
    ['/?unix:AAAA|http://evil.example/', 'evil.example'],
  ] as const)
    test(`the path ${path}`, () =>
      assert.equal(foreignUrlInPath(sites, path)?.authority?.host ?? null, host));

  test('the place of a host in Forwarded is that of its value, also if it spells the name of the parameter', () => {
    const value = 'for=_a;host=host';
    const { start, end } = foreignHostInForwarded(sites, value)!;
    assert.deepEqual([start, end], [12, 16]);
  });

  test('any text can be searched, and a host that is found lies inside it', () => {
    fc.assert(
      fc.property(nearTarget, (text) => {
        for (const look of [foreignHostInList, foreignHostInForwarded, foreignHostInUrl, foreignUrlInPath]) {
          const found = look(sites, text);
          if (found === null) continue;
          assert.ok(
            0 <= found.start && found.start <= found.end && found.end <= text.length,
            `${look.name} ${text}`,
          );
        }
      }),
      { numRuns: 4000 },
    );
  });
});
