import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { parseSocks4, parseSocks5Greeting, parseSocks5Request } from '../../src/wire/socks.ts';

const bytes = (digits: string, text = ''): Buffer =>
  Buffer.concat([Buffer.from(digits.replaceAll(' ', ''), 'hex'), Buffer.from(text, 'latin1')]);

suite('SOCKS', () => {
  test('a SOCKS4 request names an address and a port', () => {
    assert.deepEqual(parseSocks4(bytes('04 01 00 19 c0 00 02 01', 'me\0')), {
      version: '4',
      command: 'connect',
      host: '192.0.2.1',
      port: 25,
      complete: true,
    });
    assert.equal(parseSocks4(bytes('04 02 00 19 c0 00 02 01', 'me'))?.complete, false);
  });

  test('a SOCKS4a request names a host', () => {
    assert.deepEqual(parseSocks4(bytes('04 01 01 bb 00 00 00 07', 'me\0mail.example.com\0')), {
      version: '4a',
      command: 'connect',
      host: 'mail.example.com',
      port: 443,
      complete: true,
    });
    assert.equal(parseSocks4(bytes('04 01 01 bb 00 00 00 07', 'me'))?.host, '');
    assert.equal(parseSocks4(bytes('04 01 01 bb 00 00 00 07', 'me\0mail'))?.complete, false);
    assert.equal(
      parseSocks4(bytes('04 01 01 bb 00 00 00 07', `me\0${'a'.repeat(9999)}\0`))?.host.length,
      255,
    );
  });

  test('0.0.0.0 is an address, and no name follows', () =>
    assert.equal(parseSocks4(bytes('04 01 00 50 00 00 00 00', 'me\0'))?.host, '0.0.0.0'));

  test('a SOCKS5 greeting offers methods', () => {
    assert.deepEqual(parseSocks5Greeting(bytes('05 02 00 02')), { methods: [0, 2], length: 4 });
    assert.deepEqual(parseSocks5Greeting(bytes('05 03 00')), { methods: [0], length: 5 });
    assert.equal(parseSocks5Greeting(bytes('05 00')), null);
  });

  for (const [digits, text, host, port, command] of [
    ['05 01 00 01 c0 00 02 01 00 19', '', '192.0.2.1', 25, 'connect'],
    ['05 02 00 01 7f 00 00 01 00 50', '', '127.0.0.1', 80, 'bind'],
    ['05 03 00 04 20010db8000000000000000000000001 00 50', '', '[2001:db8::1]', 80, 'associate'],
    ['05 09 00 03 10', 'mail.example.com\x00\x19', 'mail.example.com', 25, 'unknown'],
  ] as const)
    test(`a SOCKS5 request for ${host}:${port}`, () =>
      assert.deepEqual(parseSocks5Request(bytes(digits, text)), {
        version: '5',
        command,
        host,
        port,
        complete: true,
      }));

  test('a cut-off SOCKS5 request, or one of an unknown kind of address, names nothing', () => {
    const whole = bytes('05 01 00 03 10', 'mail.example.com\x00\x19');
    for (let i = 0; i < whole.length; i++)
      assert.equal(parseSocks5Request(whole.subarray(0, i)), null, String(i));
    assert.equal(parseSocks5Request(bytes('05 01 00 02 c0 00 02 01 00 19')), null);
  });

  test('any bytes are read or refused, bounded', () => {
    const near = fc
      .tuple(fc.constantFrom(4, 5), fc.uint8Array({ maxLength: 400 }))
      .map(([version, rest]) => Buffer.from([version, ...rest]));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), near), (any) => {
        for (const request of [parseSocks4(any), parseSocks5Request(any)]) {
          if (request === null) continue;
          assert.ok(request.host.length <= 255 && request.port <= 65535);
        }
        const greeting = parseSocks5Greeting(any);
        assert.ok(greeting === null || greeting.methods.length <= 255);
      }),
      { numRuns: 3000 },
    );
  });
});
