import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { strippedField } from '../../src/wire/connection-options.ts';
import { headerFacts, listMembers, seen } from '../../src/wire/header-facts.ts';
import { latin1 } from './arbitraries.ts';

const overrides = [
  'x-host',
  'x-forwarded-host',
  'x-forwarded-server',
  'x-original-host',
  'x-http-host-override',
  'x-original-url',
  'x-rewrite-url',
  'x-http-destinationurl',
  'destination',
  'forwarded',
];

suite('header facts', () => {
  test('an ordinary browser shows nothing of interest', () => {
    const facts = headerFacts([
      'Host',
      'a',
      'User-Agent',
      'x',
      'Accept',
      '*/*',
      'Connection',
      'keep-alive',
      'Cookie',
      'c=1',
      'Content-Length',
      '0',
    ]);
    assert.deepEqual([facts.seen, facts.host, facts.secondHost, facts.contentLength], [0, 0, -1, 10]);
  });

  test('a second Host is seen whatever its case, and the first one stays the first', () => {
    const facts = headerFacts(['HOST', 'a', 'X', 'y', 'hOsT', 'b', 'host', 'c']);
    assert.deepEqual([facts.host, facts.secondHost], [0, 4]);
  });

  for (const [name, value, bit] of [
    ['Proxy-Connection', 'keep-alive', seen.proxyConnection],
    ['PROXY-AUTHORIZATION', 'Basic eA==', seen.proxyAuthorization],
    ['max-forwards', '0', seen.maxForwards],
    ['Upgrade', 'h2c', seen.upgrade],
    ['Connection', 'close, x-forwarded-for', seen.connectionOptions],
    ['Connection', 'keep-alive, Upgrade', seen.connectionOptions],
    ['Connection', '', seen.connectionOptions],
    ['Content-Length', '+1', seen.framing],
    ['Content-Length', '1, 1', seen.framing],
    ['Content-Length', '', seen.framing],
    ['Content-Length', '0x10', seen.framing],
    ['Content-Length', '-1', seen.framing],
    ['Content-Length', '99999999999999999999', seen.framing],
    ['Transfer-Encoding', 'gzip, chunked', seen.framing],
    ['Transfer-Encoding', '', seen.framing],
    ['Transfer-Encoding', 'chunked,', seen.framing],
    ['Transfer-Encoding', 'xchunked', seen.framing],
    ['Transfer-Encoding', 'identity', seen.framing],
    ...overrides.map((header) => [header.toUpperCase(), 'evil.example', seen.override] as const),
  ] as const)
    test(`${name}: ${value} is of interest`, () => assert.equal(headerFacts([name, value]).seen, bit));

  for (const [name, value] of [
    ['Transfer-Encoding', 'chunked'],
    ['Transfer-Encoding', 'Chunked'],
    ['Connection', 'Close'],
    ['Connection', 'Keep-Alive'],
    ['Content-Length', '0'],
    ['X-Foo', 'x'],
  ] as const)
    test(`${name}: ${value} is ordinary`, () => assert.equal(headerFacts([name, value]).seen, 0));

  test('two framings are of interest in either order, and one of them twice', () => {
    const length = ['Content-Length', '1'];
    const chunked = ['Transfer-Encoding', 'chunked'];
    for (const [a, b] of [
      [length, chunked],
      [chunked, length],
      [length, length],
      [chunked, chunked],
    ] as const)
      assert.equal(headerFacts([...a, ...b]).seen & seen.framing, seen.framing, `${a} ${b}`);
  });

  test('any header section gives facts, which do not depend on the case of its names', () => {
    const name = fc.oneof(
      latin1,
      fc.constantFrom(
        'host',
        'connection',
        'upgrade',
        'content-length',
        'transfer-encoding',
        'x-forwarded-host',
        'forwarded',
      ),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(name, latin1), { maxLength: 12 }), (fields) => {
        const facts = headerFacts(fields.flat());
        const upper = headerFacts(
          fields.flatMap(([field, value]) => [
            field.toUpperCase().length === field.length ? field.toUpperCase() : field,
            value,
          ]),
        );
        assert.deepEqual(upper, facts);
        const hosts = fields.flatMap(([field], i) => (field.toLowerCase() === 'host' ? [2 * i] : []));
        assert.deepEqual([facts.host, facts.secondHost], [hosts[0] ?? -1, hosts[1] ?? -1]);
      }),
      { numRuns: 2000 },
    );
  });
});

suite('a comma list', () => {
  test('loses its empty members and its case', () =>
    assert.deepEqual(listMembers(' Close,, ,\tTE ,X-Y'), ['close', 'te', 'x-y']));

  test('is asked for the first end-to-end field that it would strip', () => {
    assert.equal(strippedField(listMembers('close, X-Forwarded-For, Cookie')), 'x-forwarded-for');
    assert.equal(strippedField(listMembers('close, te, x-own-hop')), null);
  });
});
