import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { parseResponseHead, type ResponseHead } from '../../src/wire/response-head.ts';
import { latin1 } from './arbitraries.ts';

/** @param text a head without the empty line that ends it */
const parse = (text: string, method: string): ResponseHead | string | null => {
  const whole = `${text}\r\n\r\n`;
  return parseResponseHead(Buffer.from(whole, 'latin1'), whole, method);
};

const read = (text: string, method = 'GET'): ResponseHead => {
  const head = parse(text, method);
  assert.ok(head !== null && typeof head !== 'string', String(head));
  return head;
};
const lines = (...all: string[]): string => all.join('\r\n');

suite('a response head', () => {
  test('keeps end-to-end fields in order and spelling', () => {
    const head = read(
      lines(
        'HTTP/1.1 200 All right',
        'Set-Cookie: a=1',
        'SET-cookie:  b=2\t',
        'X-Empty:',
        'Content-Length: 5',
      ),
    );
    assert.deepEqual(head.rawHeaders, [
      'Set-Cookie',
      'a=1',
      'SET-cookie',
      'b=2',
      'X-Empty',
      '',
      'Content-Length',
      '5',
    ]);
    assert.deepEqual(
      [head.status, head.reason, head.framing, head.length, head.keepAlive],
      [200, 'All right', 'length', 5, true],
    );
  });

  test('loses hop-by-hop fields and what Connection lists', () => {
    const head = read(
      lines(
        'HTTP/1.1 200 OK',
        'Connection: X-Internal, keep-alive',
        'Keep-Alive: timeout=5',
        'Proxy-Authenticate: Basic',
        'Proxy-Connection: close',
        'Upgrade: h2c',
        'TE: trailers',
        'x-internal: secret',
        'X-Kept: yes',
        'Content-Length: 0',
      ),
    );
    assert.deepEqual(head.rawHeaders, ['X-Kept', 'yes', 'Content-Length', '0']);
  });

  test('Connection cannot remove the Content-Length of a message', () =>
    assert.deepEqual(
      read(lines('HTTP/1.1 200 OK', 'Connection: content-length', 'Content-Length: 3')).rawHeaders,
      ['Content-Length', '3'],
    ));

  for (const [what, text, method, framing, keepAlive] of [
    ['a length', lines('HTTP/1.1 200 OK', 'Content-Length: 3'), 'GET', 'length', true],
    [
      'the same length twice',
      lines('HTTP/1.1 200 OK', 'Content-Length: 3', 'Content-Length: 3'),
      'GET',
      'length',
      true,
    ],
    ['a length of zero', lines('HTTP/1.1 200 OK', 'Content-Length: 0'), 'GET', 'none', true],
    ['chunked', lines('HTTP/1.1 200 OK', 'Transfer-Encoding: Chunked'), 'GET', 'chunked', true],
    ['neither', 'HTTP/1.1 200 OK', 'GET', 'close', false],
    ['HTTP/1.0', lines('HTTP/1.0 200 OK', 'Content-Length: 3'), 'GET', 'length', false],
    [
      'HTTP/1.0 keep-alive',
      lines('HTTP/1.0 200 OK', 'Connection: Keep-Alive', 'Content-Length: 3'),
      'GET',
      'length',
      true,
    ],
    ['close', lines('HTTP/1.1 200 OK', 'Connection: Close', 'Content-Length: 3'), 'GET', 'length', false],
    ['HEAD', lines('HTTP/1.1 200 OK', 'Content-Length: 3'), 'HEAD', 'none', true],
    ['HEAD, chunked', lines('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'), 'HEAD', 'none', true],
    ['204', 'HTTP/1.1 204 No Content', 'GET', 'none', true],
    ['304', lines('HTTP/1.1 304 Not Modified', 'Content-Length: 9'), 'GET', 'none', true],
    ['103', lines('HTTP/1.1 103 Early Hints', 'Link: </a>'), 'GET', 'none', true],
    ['no reason', 'HTTP/1.1 200', 'HEAD', 'none', true],
    ['an empty reason', 'HTTP/1.1 200 ', 'HEAD', 'none', true],
  ] as const)
    test(`${what}: framing ${framing}`, () => {
      const head = read(text, method);
      assert.deepEqual([head.framing, head.keepAlive], [framing, keepAlive]);
    });

  for (const [what, text] of [
    ['nothing', ''],
    ['another protocol', 'ICY 200 OK'],
    ['another version', 'HTTP/2.0 200 OK'],
    ['a short status', 'HTTP/1.1 20 OK'],
    ['a long status', 'HTTP/1.1 2000 OK'],
    ['status 0', 'HTTP/1.1 000 OK'],
    ['two spaces', 'HTTP/1.1  200 OK'],
    ['a control character in the reason', 'HTTP/1.1 200 O\x01K'],
    ['a line without a colon', lines('HTTP/1.1 200 OK', 'nonsense')],
    ['a folded line', lines('HTTP/1.1 200 OK', 'A: b', ' c: d')],
    ['a folded line without a colon', lines('HTTP/1.1 200 OK', 'A: b', '\tc')],
    ['an empty name', lines('HTTP/1.1 200 OK', ': x')],
    ['a bare CR in a value', lines('HTTP/1.1 200 OK', 'A: b\rC: d')],
    ['NUL in a value', lines('HTTP/1.1 200 OK', 'A: \0')],
    ['two lengths', lines('HTTP/1.1 200 OK', 'Content-Length: 3', 'Content-Length: 4')],
    ['a list of lengths', lines('HTTP/1.1 200 OK', 'Content-Length: 3, 3')],
    ['a signed length', lines('HTTP/1.1 200 OK', 'Content-Length: +3')],
    ['an empty length', lines('HTTP/1.1 200 OK', 'Content-Length:')],
    ['a hexadecimal length', lines('HTTP/1.1 200 OK', 'Content-Length: 0x3')],
    ['length and chunked', lines('HTTP/1.1 200 OK', 'Content-Length: 3', 'Transfer-Encoding: chunked')],
    ['chunked and length', lines('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', 'Content-Length: 3')],
    ['another coding', lines('HTTP/1.1 200 OK', 'Transfer-Encoding: gzip, chunked')],
    ['chunked twice', lines('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')],
    ['an empty coding', lines('HTTP/1.1 200 OK', 'Transfer-Encoding:')],
  ] as const)
    test(`${what} is refused`, () => assert.equal(typeof parse(text, 'GET'), 'string'));

  test('any text gives a reason, or a head that reads back the same when it is written', () => {
    const field = fc.tuple(
      fc.oneof(
        fc.constantFrom('Content-Length', 'transfer-encoding', 'Connection', 'X-A', 'Set-Cookie', 'Upgrade'),
        latin1,
      ),
      fc.constantFrom(':', ': ', ' : ', ''),
      fc.oneof(fc.constantFrom('3', '0', 'chunked', 'close', 'x-a', 'a b'), latin1),
    );
    const near = fc
      .tuple(
        fc.constantFrom('HTTP/1.1 200 OK', 'HTTP/1.0 404', 'HTTP/1.1 304 x', 'HTTP/1.1 1000 x'),
        fc.array(field, { maxLength: 6 }),
      )
      .map(([first, fields]) => [first, ...fields.map((parts) => parts.join(''))].join('\r\n'));
    fc.assert(
      fc.property(fc.oneof(latin1, near), fc.constantFrom('GET', 'HEAD'), (text, method) => {
        const head = parse(text, method);
        if (head === null || typeof head === 'string') return;
        const fields = head.rawHeaders.flatMap((name, i) =>
          i % 2 === 0 ? [`${name}: ${head.rawHeaders[i + 1]}`] : [],
        );
        const again = read([`HTTP/1.1 ${head.status} ${head.reason}`, ...fields].join('\r\n'), method);
        assert.deepEqual(again.rawHeaders, head.rawHeaders);
        if (head.framing === 'length') assert.equal(again.length, head.length);
      }),
      { numRuns: 4000 },
    );
  });
});
