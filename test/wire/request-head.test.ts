import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { parseRequestHead, type RequestHead } from '../../src/wire/request-head.ts';
import { corpus } from '../corpus/corpus.ts';
import { latin1, nearTarget } from './arbitraries.ts';

const parse = (text: string): RequestHead | null => parseRequestHead(Buffer.from(text, 'latin1'));
const read = (text: string): RequestHead => parse(text)!;
const whys = (text: string): string =>
  read(text)
    .defects.map(({ why }) => why)
    .join('; ');

suite('a request head', () => {
  test('is read with the offset of each part', () => {
    const text = 'GET /x?y HTTP/1.1\r\nHost: www.example.net\r\nX-Empty:\r\nA:\tb \r\n\r\nbody';
    const head = read(text);
    assert.deepEqual([head.method, head.target, head.version], ['GET', '/x?y', '1.1']);
    assert.deepEqual(head.rawHeaders, ['Host', 'www.example.net', 'X-Empty', '', 'A', 'b']);
    assert.deepEqual([head.complete, head.defects], [true, []]);
    assert.equal(text.slice(head.end), 'body');
    assert.equal(text.slice(head.targetAt, head.targetAt + 4), '/x?y');
    assert.deepEqual(
      head.valueAt.map((at, i) => text.startsWith(head.rawHeaders[2 * i + 1]!, at)),
      [true, true, true],
    );
  });

  test('empty lines before it are ignored (RFC 9112 section 2.2)', () => {
    assert.deepEqual(read('\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n').defects, []);
  });

  test('a head without an end is not complete', () => {
    assert.equal(read('GET / HTTP/1.1\r\nHost: a\r\n').complete, false);
  });

  for (const [what, text, why] of [
    ['HTTP/0.9', 'GET /\r\n', /0\.9/],
    ['a later version', 'GET / HTTP/2.0\r\n\r\n', /HTTP\/2\.0/],
    ['a small version word', 'GET / http/1.1\r\n\r\n', /not HTTP/],
    ['another protocol', 'GET / RTSP/1.0\r\n\r\n', /not HTTP/],
    ['two spaces', 'GET  / HTTP/1.1\r\n\r\n', /single spaces/],
    ['a tab', 'GET\t/ HTTP/1.1\r\n\r\n', /single spaces/],
    ['a space in the target', 'GET /a b HTTP/1.1\r\n\r\n', /not HTTP/],
    ['a space at the end of the line', 'GET / HTTP/1.1 \r\n\r\n', /not HTTP/],
    ['a bare LF after the request line', 'GET / HTTP/1.1\nHost: a\r\n\r\n', /bare LF/],
    ['a bare LF after a field', 'GET / HTTP/1.1\r\nHost: a\nA: b\r\n\r\n', /bare LF/],
    ['a bare CR', 'GET / HTTP/1.1\r\nHost: a\rA: b\r\n\r\n', /control/],
    ['obs-fold', 'GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n', /folded/],
    ['a line without a colon', 'GET / HTTP/1.1\r\nHost\r\n\r\n', /colon/],
    ['a space before the colon', 'GET / HTTP/1.1\r\nHost : a\r\n\r\n', /token/],
    ['an empty name', 'GET / HTTP/1.1\r\n: a\r\n\r\n', /token/],
    ['NUL in a value', 'GET / HTTP/1.1\r\nA: b\0c\r\n\r\n', /control/],
  ] as const)
    test(`${what} is a defect`, () => assert.match(whys(text), why));

  test('bytes without a method and a target are no head', () => {
    for (const text of [
      '',
      '\r\n',
      '\x05\x01\x00',
      '\x16\x03\x01',
      'QUIT\r\n',
      ' GET / HTTP/1.1\r\n\r\n',
      'G\x00T / HTTP/1.1\r\n',
    ]) {
      assert.equal(parse(text), null, JSON.stringify(text));
    }
  });

  test('any bytes give a head whose offsets lie inside them, or null', () => {
    const near = fc
      .tuple(
        fc.constantFrom('GET', 'CONNECT', 'G@T', '', 'get', '\r\n\nPOST'),
        fc.constantFrom(' ', '  ', '\t'),
        nearTarget,
        fc.constantFrom(' HTTP/1.1', ' HTTP/1.0', '', ' HTTP/9.9', ' x y'),
        fc.array(fc.tuple(fc.constantFrom('\r\n', '\n', '\r', '\r\n '), latin1), { maxLength: 4 }),
        fc.constantFrom('\r\n\r\n', '\n\n', '', '\r\n', '\r\n\r\nbody'),
      )
      .map((parts) => parts.flat(2).join(''));
    fc.assert(
      fc.property(fc.oneof(latin1, near), (text) => {
        const head = parse(text);
        if (head === null) return;
        assert.equal(text.slice(head.targetAt, head.targetAt + head.target.length), head.target);
        assert.ok(head.end <= text.length);
        for (const { at } of head.defects)
          assert.ok(at >= 0 && at <= text.length, `${at} in ${JSON.stringify(text)}`);
        assert.equal(head.valueAt.length * 2, head.rawHeaders.length);
        for (const [i, at] of head.valueAt.entries()) {
          const value: string = head.rawHeaders[2 * i + 1]!;
          assert.equal(text.slice(at, at + value.length), value);
        }
      }),
      { numRuns: 5000 },
    );
  });

  test('legitimate heads of the corpus have no defects', () => {
    for (const { id, bytes, expect } of corpus) {
      if (expect.verdict === 'allow') assert.deepEqual(parse(bytes)?.defects, [], id);
    }
  });
});
