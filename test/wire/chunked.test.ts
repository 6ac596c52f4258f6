import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { ChunkedDecoder, wholeChunked } from '../../src/wire/chunked.ts';
import { cuts, splitAt } from './arbitraries.ts';

interface Decoded {
  readonly data: string;
  readonly trailers: readonly string[];
  readonly done: boolean;
  readonly error: string | null;
  /** Bytes that belong to the body. */
  readonly consumed: number;
}

function decode(pieces: readonly Buffer[]): Decoded {
  const decoder = new ChunkedDecoder();
  const data: Buffer[] = [];
  let consumed = 0;
  for (const piece of pieces) {
    const taken = decoder.decode(piece, (run) => data.push(Buffer.from(run)));
    consumed += taken;
    if (taken < piece.length) break;
  }
  const { trailers, done, error } = decoder;
  return { data: Buffer.concat(data).toString('latin1'), trailers, done, error, consumed };
}

const whole = (text: string): Decoded => decode([Buffer.from(text, 'latin1')]);

suite('the chunked coding', () => {
  test('chunks, extensions and trailers are decoded', () => {
    const text =
      '5\r\nhello\r\n1;a="b"\r\n \r\n0A ;x\r\n'.replace('0A ', '0A') +
      '0123456789\r\n0\r\nX-Sum: a b \r\nY:\r\n\r\n';
    const decoded = whole(`${text}GET /`);
    assert.deepEqual(decoded, {
      data: 'hello 0123456789',
      trailers: ['X-Sum', 'a b', 'Y', ''],
      done: true,
      error: null,
      consumed: text.length,
    });
  });

  for (const [what, text, why] of [
    ['a bare LF after the size', '5\nhello\r\n0\r\n\r\n', /control/],
    ['a bare CR after the size', '5\rhello', /bare CR/],
    ['a size with a sign', '+5\r\nhello\r\n', /hexadecimal/],
    ['a size with 0x', '0x5\r\nhello\r\n', /hexadecimal/],
    ['an empty size', '\r\nhello\r\n', /hexadecimal/],
    ['a space before the size', ' 5\r\nhello\r\n', /hexadecimal/],
    ['a space after the size', '5 \r\nhello\r\n', /hexadecimal/],
    ['a size past what a number holds', '10000000000000000\r\n', /hexadecimal/],
    ['data longer than its size', '5\r\nhello!\r\n', /longer/],
    ['a bare CR after data', '5\r\nhello\rx', /bare CR/],
    ['a bare LF in the trailers', '0\r\nA: b\n\r\n', /bare LF/],
    ['a bare LF for the end', '0\r\n\n', /bare LF/],
    ['a trailer without a colon', '0\r\nAb\r\n\r\n', /malformed trailer/],
    ['a folded trailer', '0\r\nA: b\r\n c\r\n\r\n', /malformed trailer/],
    ['a control character in a trailer', '0\r\nA: b\0\r\n\r\n', /malformed trailer/],
    ['an endless size line', `5;${'x'.repeat(5000)}`, /too long/],
    ['endless trailers', `0\r\n${'A: b\r\n'.repeat(5000)}`, /too long/],
  ] as const)
    test(`${what} is refused`, () => {
      const { error, done } = whole(text);
      assert.match(error ?? '', why);
      assert.equal(done, false);
    });

  test('nothing is decoded after an error', () => {
    const decoder = new ChunkedDecoder();
    const ignore = () => assert.fail('data after an error');
    decoder.decode(Buffer.from('x\r\n'), ignore);
    assert.equal(decoder.decode(Buffer.from('5\r\nhello\r\n'), ignore), 0);
  });

  const encoded = fc
    .tuple(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 6 }),
      fc.constantFrom('', 'X-A: 1\r\n', 'X-A: 1\r\nX-B:\t2 \r\n'),
    )
    .map(([chunks, trailers]) => ({
      data: Buffer.concat(chunks).toString('latin1'),
      bytes: Buffer.concat([
        ...chunks.flatMap((chunk) => [
          Buffer.from(`${chunk.length.toString(16)}\r\n`),
          chunk,
          Buffer.from('\r\n'),
        ]),
        Buffer.from(`0\r\n${trailers}\r\n`),
      ]),
    }));

  test('a body decodes to what was encoded, however its bytes are split', () => {
    fc.assert(
      fc.property(
        encoded,
        cuts,
        fc.constantFrom('', 'GET / HTTP/1.1\r\n'),
        ({ data, bytes }, places, next) => {
          const decoded = decode(splitAt(Buffer.concat([bytes, Buffer.from(next)]), places));
          assert.deepEqual(
            { data: decoded.data, done: decoded.done, error: decoded.error },
            { data, done: true, error: null },
          );
          assert.deepEqual(decoded.trailers, whole(bytes.toString('latin1')).trailers);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('any bytes decode to the same, however they are split', () => {
    const near = fc.string({ unit: fc.constantFrom(...'0123af;: \r\n\tX\0'), maxLength: 80 });
    const sprinkled = fc
      .array(fc.constantFrom('0\r\n', '\r\n', '3\r\nabc\r\n', 'A: b\r\n', '\n', 'ff', ';x'))
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(near, sprinkled), cuts, (text, places) => {
        const { consumed, ...split } = decode(splitAt(Buffer.from(text, 'latin1'), places));
        const { consumed: all, ...one } = whole(text);
        assert.deepEqual(split, one);
        assert.equal(consumed, all);
      }),
      { numRuns: 4000 },
    );
  });
});

suite('a chunked body in one piece', () => {
  const chunk = fc
    .tuple(fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 40 }), fc.boolean())
    .map(([data, upper]) => {
      const size = data.length.toString(16);
      return `${upper ? size.toUpperCase() : size}\r\n${data}\r\n`;
    });
  const body = fc.array(chunk, { maxLength: 4 }).map((chunks) => `${chunks.join('')}0\r\n\r\n`);

  test('is read as the decoder reads it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii', maxLength: 10 }), body, (before, text) => {
        assert.equal(wholeChunked(before + text, before.length), whole(text).data);
      }),
    );
  });

  test('the decoder reads every such body the same, to the same end', () => {
    const damaged = fc
      .tuple(
        body,
        fc.nat(),
        fc.constantFrom('', '\r', '\n', ' ', '0', 'f', 'g', ';x', '-', '\r\n', 'A: b\r\n'),
        fc.nat(2),
      )
      .map(([text, at, by, cut]) => {
        const place = at % text.length;
        return text.slice(0, place) + by + text.slice(place + cut);
      });
    let read = 0;
    fc.assert(
      fc.property(damaged, (text) => {
        const content = wholeChunked(text, 0);
        if (content === null) return;
        read++;
        assert.deepEqual(whole(text), {
          data: content,
          trailers: [],
          done: true,
          error: null,
          consumed: text.length,
        });
      }),
      { numRuns: 3000 },
    );
    assert.ok(read > 50, `${read} were read`);
  });

  for (const [what, text] of [
    ['without its last chunk', '5\r\nhello\r\n'],
    ['cut short', '5\r\nhel'],
    ['with something after it', '0\r\n\r\nHTTP/1.1 200 OK'],
    ['with a trailer', '0\r\nA: b\r\n\r\n'],
    ['with an extension', '5;a=b\r\nhello\r\n0\r\n\r\n'],
    ['longer than any packet', 'fffffffff\r\n'],
    ['of nothing', ''],
  ] as const)
    test(`${what} is left to the decoder`, () => assert.equal(wholeChunked(text, 0), null));
});
