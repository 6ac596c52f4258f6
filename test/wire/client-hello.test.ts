import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { helloName } from '../../src/wire/client-hello.ts';
import { clientHello } from '../support/client-hello.ts';

const named = await clientHello('www.example.com');

/** The same hello, split into records of a few bytes. */
function inRecords(bytes: Buffer, size: number): Buffer {
  const message = bytes.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    records.push(Buffer.from([0x16, 3, 1, part.length >> 8, part.length & 0xff]), part);
  }
  return Buffer.concat(records);
}

suite('the name in a TLS hello', () => {
  test('is read', () => assert.equal(helloName(named), 'www.example.com'));

  test('is read if the hello is split into records', () =>
    assert.equal(helloName(inRecords(named, 40)), 'www.example.com'));

  test('is null if there is none', async () => assert.equal(helloName(await clientHello('')), null));

  test('is the whole name or null, however much of the hello there is', () => {
    for (let length = 0; length <= named.length; length++) {
      const name = helloName(named.subarray(0, length));
      assert.ok(name === null || name === 'www.example.com', `${length}: ${name}`);
    }
  });

  test('is null if it holds an unprintable byte', () => {
    const at = named.indexOf('www.example.com');
    const odd = Buffer.from(named);
    odd[at + 3] = 0x0a;
    assert.equal(helloName(odd), null);
  });

  test('any bytes give a printable name, or null', () => {
    const changed = fc
      .tuple(fc.nat(named.length - 1), fc.nat(255))
      .map(([at, byte]) => Buffer.from(named.map((one, i) => (i === at ? byte : one))));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), changed), (bytes) => {
        const name = helloName(bytes);
        assert.ok(name === null || /^[\x21-\x7e]{1,255}$/.test(name));
      }),
      { numRuns: 3000 },
    );
  });
});
