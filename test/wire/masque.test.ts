import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { masqueTarget } from '../../src/wire/masque.ts';

const rows: readonly (readonly [path: string, host: string, port: number | null])[] = [
  ['/.well-known/masque/udp/192.0.2.6/443/', '192.0.2.6', 443],
  ['/.well-known/masque/udp/2001%3Adb8%3A%3A42/53/', '[2001:db8::42]', 53],
  ['/.well-known/masque/tcp/mail.example.com/25/', 'mail.example.com', 25],
  ['/.well-known/masque/ip/www.example.com/17/', 'www.example.com', null],
  ['/proxy/udp/www.example.com/443', 'www.example.com', 443],
  ['/masque?h=www.example.com&p=443', 'www.example.com', 443],
  ['/?target_host=www.example.com&target_port=22', 'www.example.com', 22],
];

suite('the target in a MASQUE path', () => {
  for (const [path, host, port] of rows)
    test(path, () => assert.deepEqual(masqueTarget(path), { host, port }));

  for (const path of [
    '/',
    '/.well-known/masque/ip/*/*/',
    '/.well-known/masque/udp//443/',
    '/.well-known/masque/udp/a%40b/443/',
  ])
    test(`${path} names none`, () => assert.equal(masqueTarget(path), null));

  test('an invalid port gives a null port', () => {
    assert.deepEqual(masqueTarget('/udp/www.example.com/99999/'), { host: 'www.example.com', port: null });
  });

  test('any path gives a target or null', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (path) => void masqueTarget(path)));
  });
});
