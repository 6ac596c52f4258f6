/** The app's own body for a refusal: what may be sent, and what is refused in its place. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { ProbeEvent } from '../../src/events/event.ts';
import { type ShapeAnswer, shapedAnswer } from '../../src/guard/shaped-answer.ts';

const event = { rule: 'host-foreign' } as ProbeEvent;
const shaped = (result: unknown) => shapedAnswer((() => result) as ShapeAnswer, event);
const atMost = 64 * 1024;

suite('a body of the app', () => {
  test('is a text, one of another type, or none', () => {
    const text = shapedAnswer(({ rule }) => `not here: ${rule} é`, event);
    assert.deepEqual(text, {
      type: 'text/plain; charset=utf-8',
      bytes: Buffer.from('not here: host-foreign é'),
    });
    assert.deepEqual(shaped({ type: 'application/json', body: '{}' }), {
      type: 'application/json',
      bytes: Buffer.from('{}'),
    });
    assert.equal(shaped(undefined), null);
    assert.equal(shaped('')?.bytes.length, 0);
  });

  test('has at most 64 KiB, counted in bytes', () => {
    assert.equal(shaped('x'.repeat(atMost))?.bytes.length, atMost);
    assert.equal(shaped('é'.repeat(atMost / 2))?.bytes.length, atMost);
    assert.throws(() => shaped('x'.repeat(atMost + 1)), /a body of 65537 bytes/);
    assert.throws(() => shaped(`é${'x'.repeat(atMost - 1)}`), /a body of 65537 bytes/);
  });

  for (const [what, result] of [
    ['null', null],
    ['a number', 421],
    ['a promise', Promise.resolve('not here')],
    ['a type that is no text', { type: 1, body: 'x' }],
    ['a body that is no text', { type: 'text/plain', body: Buffer.from('x') }],
  ] as const)
    test(`is not ${what}`, () =>
      assert.throws(() => shaped(result), /^TypeError: answer: the result is neither a text nor/));

  for (const type of ['text/plain\r\nSet-Cookie: a=b', 'text/plain\0', 'text/plän\u0301'])
    test(`has a type that is one header value, not ${JSON.stringify(type)}`, () =>
      assert.throws(() => shaped({ type, body: 'x' }), { code: 'ERR_INVALID_CHAR' }));

  for (const word of ['FTP', 'SSH', 'smtp', 'POP3', 'imap'])
    test(`does not say ${word}`, () => assert.throws(() => shaped(`220 ${word} ready`), saying(word)));
});

const saying = (word: string) => ({ name: 'RangeError', message: new RegExp(`the body says ${word},`) });
