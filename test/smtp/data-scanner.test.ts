import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NormalizingScanner, type Scanner, StrictScanner } from '../../src/smtp/data-scanner.ts';

interface Outcome {
  readonly pass: string;
  readonly ended: boolean;
  readonly rest: string;
  readonly bare: boolean;
}

function run(scanner: Scanner, chunks: readonly string[]): Outcome {
  let pass = '';
  for (const [index, chunk] of chunks.entries()) {
    const scanned = scanner.push(Buffer.from(chunk, 'latin1'));
    pass += scanned.pass.toString('latin1');
    const rest = scanned.rest.toString('latin1') + (scanned.ended ? chunks.slice(index + 1).join('') : '');
    if (scanned.ended || index === chunks.length - 1)
      return { pass, ended: scanned.ended, rest, bare: scanned.bare };
  }
  return { pass, ended: false, rest: '', bare: false };
}

const strict = (...chunks: string[]) => run(new StrictScanner(), chunks);
const normal = (...chunks: string[]) => run(new NormalizingScanner(), chunks);

test('only CRLF.CRLF ends a message', () => {
  assert.deepEqual(strict('.\r\nQUIT\r\n'), { pass: '.\r\n', ended: true, rest: 'QUIT\r\n', bare: false });
  assert.deepEqual(strict('a\r\n.\r\nRSET'), { pass: 'a\r\n.\r\n', ended: true, rest: 'RSET', bare: false });
  assert.equal(strict('a.\r\n..\r\n.x\r\n').ended, false);
});

for (const end of [
  '\n.\n',
  '\n.\r\n',
  '\r\n.\n',
  '\r.\r',
  '\r.\r\n',
  '\r\n.\r',
  '\r\n.\r\r\n',
  '\n.\r',
  '\r\r\n.\n',
  '\n\n.\n',
]) {
  test(`${JSON.stringify(end)} does not end a message`, () => {
    const found = strict(`a${end}MAIL FROM:<x@example.com>\r\n`);
    assert.equal(found.ended, false);
    assert.equal(found.bare, true);
    assert.equal(found.pass, '');
    assert.equal(strict(`a${end}MAIL FROM:<x@example.com>\r\n.\r\n`).ended, true);
    const normalized = normal(`a${end}MAIL FROM:<x@example.com>\r\n.\r\nQUIT\r\n`);
    assert.equal(normalized.ended, true);
    assert.equal(normalized.rest, 'QUIT\r\n');
    assert.match(normalized.pass, /MAIL FROM:<x@example\.com>\r\n\.\r\n$/);
  });
}

const message = fc
  .array(fc.constantFrom('\r', '\n', '\r\n', '.', '..', 'a', 'MAIL FROM:<x@example.com>', '\0', '\xff'), {
    maxLength: 40,
  })
  .map((parts) => parts.join(''));
const cuts = fc.array(fc.nat(), { maxLength: 6 });
const cut = (text: string, at: readonly number[]): string[] => {
  const places = at.map((place) => place % (text.length + 1)).sort((a, b) => a - b);
  return [0, ...places].map((from, index) => text.slice(from, places[index] ?? text.length));
};

test('chunk boundaries change neither the end nor the content of a message', () => {
  fc.assert(
    fc.property(message, cuts, (body, at) => {
      const text = `${body}\r\n.\r\nNOOP\r\n`;
      const whole = strict(text);
      const pieces = strict(...cut(text, at));
      assert.equal(pieces.ended, true);
      assert.equal(pieces.bare, whole.bare);
      assert.equal(pieces.rest, whole.rest);
      if (!whole.bare) assert.equal(pieces.pass, whole.pass);
      assert.deepEqual(normal(...cut(text, at)), normal(text));
    }),
    { numRuns: 5000 },
  );
});

test('a strict scan passes no bare newline, and one terminator, at its end', () => {
  fc.assert(
    fc.property(message, (body) => {
      const { pass, bare } = strict(`${body}\r\n.\r\n`);
      const hasBare = /(?<!\r)\n|\r(?!\n)/.test(terminated(`${body}\r\n.\r\n`));
      assert.equal(bare, hasBare);
      if (!bare) assert.equal(`\r\n${pass}`.indexOf('\r\n.\r\n'), pass.length - 3);
    }),
    { numRuns: 5000 },
  );
});

test('a normalizing scan passes no bare newline, and one terminator, at its end', () => {
  fc.assert(
    fc.property(message, (body) => {
      const { pass, ended } = normal(`${body}\r\n.\r\n`);
      assert.equal(ended, true);
      assert.doesNotMatch(pass, /(?<!\r)\n|\r(?!\n)/);
      assert.equal(`\r\n${pass}`.indexOf('\r\n.\r\n'), pass.length - 3);
    }),
    { numRuns: 5000 },
  );
});

test('normalizing leaves a message without bare newlines unchanged', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', '..', 'a.', '\r\n', '.b'), { maxLength: 20 }), (parts) => {
      const text = `${parts.join('')}\r\n.\r\n`;
      assert.equal(normal(text).pass, strict(text).pass);
    }),
  );
});

test('at every memory alignment of a chunk each line end is found, and bytes around the chunk are ignored', () => {
  for (let offset = 0; offset < 9; offset++) {
    for (let text = 0; text < 40; text++) {
      for (const byte of ['x', '\t', '\x0e', '\x80', '\xff']) {
        const around = Buffer.alloc(offset + text + 2 + 9, '\n');
        around.write(`${byte.repeat(text)}\r\n`, offset, 'latin1');
        const chunk = around.subarray(offset, offset + text + 2);
        assert.equal(new StrictScanner().push(chunk).bare, false, `${offset} ${text}`);
        chunk[text] = 0x78;
        assert.equal(new StrictScanner().push(chunk).bare, true, `${offset} ${text}`);
        chunk[text] = 0x0d;
        assert.equal(new StrictScanner().push(chunk.subarray(0, -1)).bare, false);
      }
    }
  }
});

/** Up to the first true terminator. */
const terminated = (text: string): string => {
  const end = `\r\n${text}`.indexOf('\r\n.\r\n');
  return text.slice(0, end + 3);
};
