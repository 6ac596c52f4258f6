import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { FieldNames, is } from '../../src/wire/field-names.ts';

suite('names of fields', () => {
  test('are compared without regard to case', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), fc.string({ unit: 'binary-ascii' }), (one, other) => {
        assert.equal(is(one, other.toLowerCase()), one.toLowerCase() === other.toLowerCase());
        assert.ok(is(one.toUpperCase(), one.toLowerCase()));
      }),
    );
  });

  test('only ASCII letters are folded: a letter of another alphabet makes another name', () => {
    assert.ok(!is('\u212aeep-alive', 'keep-alive'), 'the Kelvin sign');
    assert.ok(!is('\u017fet-cookie', 'set-cookie'), 'the long s');
  });

  test('are found in a set in any case, and other names are not', () => {
    const some = new FieldNames('te', 'upgrade', 'connection', 'keep-alive');
    for (const name of ['te', 'TE', 'Upgrade', 'CONNECTION', 'Keep-Alive']) assert.ok(some.has(name), name);
    for (const name of ['', 't', 'ta', 'upgrades', 'connectiom', 'keep_alive', 'proxy-connection'])
      assert.ok(!some.has(name), name);
  });
});
