import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { parsePrefix } from '../../src/address/ip.ts';
import { PrefixSet } from '../../src/address/prefix-set.ts';
import { type Client, type ClientRules, clientOf, peerOf } from '../../src/guard/client.ts';
import { latin1 } from '../wire/arbitraries.ts';

const prefixes = (...all: string[]) => new PrefixSet(all.map((prefix) => parsePrefix(prefix)!));
const rules: ClientRules = {
  trustedProxies: prefixes('192.0.2.0/28', '2001:db8:1::/64'),
  allowed: prefixes('203.0.113.7'),
};
const client = (peer: string, ...forwarded: string[]): Client =>
  clientOf(
    peerOf({ remoteAddress: peer }, rules),
    forwarded.flatMap((value) => ['X-Forwarded-For', value]),
    rules,
  );

suite('the client', () => {
  test('of an untrusted peer is the peer, whatever it claims', () => {
    const found = client('198.51.100.1', '203.0.113.7', '127.0.0.1');
    assert.deepEqual([found.address, found.trusted, found.allowed], ['198.51.100.1', false, false]);
  });

  for (const [what, forwarded, address] of [
    ['one address', ['198.51.100.9'], '198.51.100.9'],
    ['entries of the client stand before that of the proxy', ['203.0.113.7, 198.51.100.9'], '198.51.100.9'],
    ['several lines are one list', ['203.0.113.7', '198.51.100.9'], '198.51.100.9'],
    ['a chain of trusted proxies is walked', ['198.51.100.9, 192.0.2.3, 192.0.2.2'], '198.51.100.9'],
    [
      'the walk stops at the first untrusted address',
      ['203.0.113.7, 198.51.100.9, 192.0.2.2'],
      '198.51.100.9',
    ],
    ['only trusted ones: the farthest', ['192.0.2.3, 192.0.2.2'], '192.0.2.3'],
    ['IPv6', ['2001:DB8:9::1'], '2001:db8:9::1'],
    ['IPv4 mapped into IPv6', ['::ffff:198.51.100.9'], '198.51.100.9'],
    ['a port after it', ['203.0.113.7, 198.51.100.9:5555'], '198.51.100.9'],
    ['an empty port after it', ['198.51.100.9:'], '198.51.100.9'],
    ['quotation marks', ['"198.51.100.9"'], '198.51.100.9'],
    ['quotation marks and a port', ['"198.51.100.9:5555"'], '198.51.100.9'],
    ['brackets', ['[2001:db8:9::1]'], '2001:db8:9::1'],
    ['brackets and a port', ['203.0.113.7, [2001:db8:9::1]:443'], '2001:db8:9::1'],
    ['quotation marks, brackets and a port', ['"[2001:db8:9::1]:443"'], '2001:db8:9::1'],
    ['a zone', ['2001:db8:9::1%eth0'], '2001:db8:9::1'],
    ['ports in a chain', ['198.51.100.9:1, 192.0.2.3:2, 192.0.2.2:3'], '198.51.100.9'],
  ] as const)
    test(`behind a trusted proxy: ${what}`, () => {
      const found = client('192.0.2.1', ...forwarded);
      assert.equal(found.address, address);
      assert.equal(found.trusted, true);
    });

  for (const [what, forwarded] of [
    ['no header', []],
    ['an empty value', ['']],
    ['unknown', ['203.0.113.7, unknown']],
    ['unknown behind a trusted proxy', ['203.0.113.7, unknown, 192.0.2.2']],
    ['a hidden name', ['_hidden']],
    ['nonsense last', ['203.0.113.7, <script>']],
    ['a comma at the end', ['203.0.113.7,']],
    ['another base', ['0xc6.51.100.9']],
    ['an invalid port', ['198.51.100.9:http']],
    ['an IPv4 address in brackets', ['[198.51.100.9]']],
    ['a bracket that is not closed', ['[2001:db8:9::1']],
    ['more than an address takes', [`${'0'.repeat(200)}1`]],
  ] as const)
    test(`behind a trusted proxy: ${what}: not counted`, () => {
      const { address, prefix, trusted, allowed } = client('192.0.2.1', ...forwarded);
      assert.deepEqual([address, prefix, trusted, allowed], ['192.0.2.1', '', true, true]);
    });

  for (const [line, address] of [
    ['for=198.51.100.9', '198.51.100.9'],
    ['For="[2001:db8:9::1]:443"; proto=https', '2001:db8:9::1'],
    ['for=203.0.113.7, by=192.0.2.1;for="198.51.100.9:5555";host="a,b"', '198.51.100.9'],
    ['for=198.51.100.9,for=192.0.2.3', '198.51.100.9'],
    ['for="a\\",b", for=198.51.100.9', '198.51.100.9'],
    ['for=203.0.113.7, for=unknown', null],
    ['for=203.0.113.7, proto=https', null],
    ['for=_gazonk', null],
  ] as const)
    test(`behind a trusted proxy that says Forwarded: ${line}`, () => {
      const found = clientOf(peerOf({ remoteAddress: '192.0.2.1' }, rules), ['Forwarded', line], rules);
      assert.equal(found.address, address ?? '192.0.2.1');
      assert.equal(found.prefix === '', address === null);
    });

  test('X-Forwarded-For takes precedence over Forwarded, which the client may have written', () => {
    const lines = ['Forwarded', 'for=203.0.113.7', 'X-Forwarded-For', '198.51.100.9'];
    assert.equal(
      clientOf(peerOf({ remoteAddress: '192.0.2.1' }, rules), lines, rules).address,
      '198.51.100.9',
    );
  });

  test('the allow-list applies to the client, not to the proxy in front of it', () => {
    assert.equal(client('192.0.2.1', '203.0.113.7').allowed, true);
    assert.equal(client('192.0.2.1', '198.51.100.9').allowed, false);
  });

  test('an IPv4-mapped peer is the IPv4 address', () => {
    assert.equal(client('::ffff:192.0.2.1', '198.51.100.9').address, '198.51.100.9');
    assert.equal(client('::ffff:198.51.100.1').address, '198.51.100.1');
  });

  test('an IPv6 client is counted by its /64', () =>
    assert.equal(client('2001:db8:9:9:1:2:3:4').prefix, client('2001:db8:9:9:ffff::1').prefix));

  test('a peer is parsed once per connection', () => {
    const socket = { remoteAddress: '192.0.2.1' };
    assert.equal(peerOf(socket, rules), peerOf(socket, rules));
  });

  test('no header value yields an invalid address', () => {
    fc.assert(
      fc.property(fc.array(latin1, { maxLength: 3 }), (lines) => {
        const found = client('192.0.2.1', ...lines);
        assert.match(found.address, /^[0-9a-f.:]+$/);
        assert.equal(found.prefix === '', found.address === '192.0.2.1' && found.allowed);
      }),
      { numRuns: 2000 },
    );
  });
});
