import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { plainHead } from '../../src/wire/plain-head.ts';
import { parseRequestHead } from '../../src/wire/request-head.ts';

const read = (text: string) => {
  const bytes = Buffer.from(text, 'latin1');
  return plainHead(bytes, bytes.toString('latin1'));
};

const ordinary =
  'POST /a?b=c HTTP/1.1\r\nHost: www.example.net\r\nX-Odd:\t caf\xe9 \r\nX-Empty:\r\nCookie: a=b\r\nCookie: c=d\r\nContent-Length: 3\r\n\r\n';

suite('a plain head', () => {
  test('is read', () => {
    const head = read(`${ordinary}abcGET`);
    assert.deepEqual(head, {
      method: 'POST',
      target: '/a?b=c',
      version: '1.1',
      rawHeaders: [
        ...['Host', 'www.example.net', 'X-Odd', 'caf\xe9', 'X-Empty', ''],
        ...['Cookie', 'a=b', 'Cookie', 'c=d', 'Content-Length', '3'],
      ],
      end: ordinary.length,
      contentLength: 3,
      close: false,
    });
  });

  test('says whether the client closes', () => {
    for (const [line, close] of [
      ['Connection: close', true],
      ['connection: CLOSE', true],
      ['Connection: keep-alive', false],
      ['Connection: Keep-Alive', false],
    ] as const) {
      assert.equal(read(`GET / HTTP/1.1\r\nHost: a\r\n${line}\r\n\r\n`)?.close, close, line);
    }
  });

  const fields = (lines: string): string => `GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`;
  for (const [what, text] of [
    ['nothing', ''],
    ['a method in small letters', 'get / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['absolute-form', 'GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['asterisk-form', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['authority-form', 'CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a fragment', 'GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['an eight-bit target', 'GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['two spaces', 'GET  / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a space after the version', 'GET / HTTP/1.1 \r\nHost: a\r\n\r\n'],
    ['HTTP/1.0', 'GET / HTTP/1.0\r\nHost: a\r\n\r\n'],
    ['another protocol', 'GET / RTSP/1.0\r\nHost: a\r\n\r\n'],
    ['no version', 'GET /\r\n\r\n'],
    ['an empty line before it', '\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a bare LF after the request line', 'GET / HTTP/1.1\nHost: a\r\n\r\n'],
    ['a bare LF after a field', fields('A: b\n')],
    ['a bare CR in a field', fields('A: b\rc\r\n')],
    ['a bare LF at the end', 'GET / HTTP/1.1\r\nHost: a\r\n\n'],
    ['obs-fold', fields('A: b\r\n c\r\n')],
    ['NUL', fields('A: b\0\r\n')],
    ['DEL', fields('A: b\x7f\r\n')],
    ['no colon', fields('A\r\n')],
    ['a space before the colon', fields('A : b\r\n')],
    ['an empty name', fields(': b\r\n')],
    ['a name that is no token', fields('A(b): c\r\n')],
    ['no end', 'GET / HTTP/1.1\r\nHost: a\r\n'],
    ['Expect', fields('expect: 100-continue\r\n')],
    ['Upgrade', fields('Upgrade: websocket\r\n')],
    ['another coding', fields('Transfer-encoding: gzip, chunked\r\n')],
    ['two codings', fields('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n')],
    ['a coding and a length', fields('Transfer-Encoding: chunked\r\nContent-Length: 3\r\n')],
    ['a length and a coding', fields('Content-Length: 0\r\nTransfer-Encoding: chunked\r\n')],
    ['two lengths', fields('Content-Length: 3\r\nContent-Length: 3\r\n')],
    ['a list of lengths', fields('Content-Length: 3, 3\r\n')],
    ['a signed length', fields('Content-Length: +3\r\n')],
    ['an empty length', fields('Content-Length:\r\n')],
    ['a length of ten digits', fields('Content-Length: 1234567890\r\n')],
    ['another Connection', fields('Connection: close, X-A\r\n')],
    ['an empty Connection', fields('Connection:\r\n')],
    ['65 fields', fields('A: b\r\n'.repeat(64))],
  ] as const) {
    test(`not with ${what}`, () => assert.equal(read(text), null));
  }

  test('64 fields are', () => assert.notEqual(read(fields('A: b\r\n'.repeat(63))), null));

  // Pieces that make valid and invalid heads, in any order.
  const piece = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('\r\n', 'Host: a\r\n', 'A: b\r\n', 'Content-Length: 2\r\n') },
    { weight: 2, arbitrary: fc.constantFrom('Connection: close\r\n', 'x:y\r\n', ':', ' ', '\t', '\n', '\r') },
    { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }) },
  );
  const start = fc.constantFrom('GET / HTTP/1.1\r\n', 'POST /a?b HTTP/1.1\r\n', 'GET /', ' HTTP/1.1\r\n');
  const any = fc
    .tuple(start, fc.array(piece, { maxLength: 12 }), fc.constantFrom('', '\r\n'))
    .map(([first, rest, last]) => `${first}${rest.join('')}${last}`);

  test('the strict parser reads the same from the bytes of every plain head, without a defect', () => {
    let taken = 0;
    fc.assert(
      fc.property(any, (text) => {
        const bytes = Buffer.from(text, 'latin1');
        const head = plainHead(bytes, bytes.toString('latin1'));
        if (head === null) return;
        taken++;
        const { method, target, version, rawHeaders, end } = head;
        const strict = parseRequestHead(bytes)!;
        assert.deepEqual(
          { method, target, version, rawHeaders, end, complete: true, defects: [] },
          {
            method: strict.method,
            target: strict.target,
            version: strict.version,
            rawHeaders: strict.rawHeaders,
            end: strict.end,
            complete: strict.complete,
            defects: strict.defects,
          },
        );
      }),
      { numRuns: 20_000 },
    );
    assert.ok(taken > 1000, `only ${taken} of 20,000 were taken for one`);
  });

  test('a truncated head is never one', () => {
    for (let length = 0; length < ordinary.length; length++) {
      assert.equal(read(ordinary.slice(0, length)), null, String(length));
    }
  });
});
