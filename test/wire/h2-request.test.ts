/** HTTP/2 fields as requests: RFC 9113 sections 8.2 and 8.3, RFC 8441. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { h2Request, trailerFault } from '../../src/wire/h2-request.ts';
import { headText } from '../../src/wire/message-text.ts';

const own = [':method', 'GET', ':scheme', 'https', ':authority', 'www.example.net', ':path', '/'];
const read = (fields: readonly string[], ends = true) => h2Request(fields, ends);
const whys = (fields: readonly string[], ends = true): string[] =>
  (read(fields, ends).request.defects ?? []).map(({ why }) => why);

suite('HTTP/2 fields: a request', () => {
  test('pseudo-fields are not among the header fields', () => {
    assert.deepEqual(read([...own, 'accept', '*/*', 'content-length', '0']), {
      request: {
        method: 'GET',
        target: '/',
        version: '2.0',
        rawHeaders: ['accept', '*/*', 'content-length', '0'],
        h2: { authority: 'www.example.net', scheme: 'https', protocol: null },
      },
      contentLength: 0,
      expect: null,
    });
  });

  test('cookie fields are joined into one line, in the place of the first', () => {
    const { rawHeaders } = read([
      ...own,
      'a',
      '1',
      'cookie',
      'x=1',
      'b',
      '2',
      'cookie',
      'y=2',
      'cookie',
      'z=3',
    ]).request;
    assert.deepEqual(rawHeaders, ['a', '1', 'cookie', 'x=1; y=2; z=3', 'b', '2']);
  });

  test('Content-Length and Expect are read', () => {
    const { contentLength, expect } = read([...own, 'content-length', '12', 'expect', '100-Continue'], false);
    assert.deepEqual([contentLength, expect], [12, '100-continue']);
  });

  test('an extended CONNECT', () => {
    const fields = [
      ':method',
      'CONNECT',
      ':protocol',
      'websocket',
      ...own.slice(2),
      'sec-websocket-version',
      '13',
    ];
    assert.equal(read(fields, false).request.h2?.protocol, 'websocket');
    assert.deepEqual(whys(fields, false), []);
  });

  test('a malformed request is recorded as received', () => {
    const { request } = read([...own, ':path', '/b', 'X', '1']);
    assert.match(
      headText(request),
      /^GET \/ HTTP\/2.0\r\n:method: GET\r\n(?:.*\r\n)*:path: \/\r\n:path: \/b\r\nX: 1\r\n$/,
    );
    assert.deepEqual(
      request.defects?.map(({ at }) => headText(request).slice(at).split('\r\n')[0]),
      [':path: /b', 'X: 1'],
    );
  });
});

suite('HTTP/2 fields: malformed', () => {
  const rows: readonly (readonly [
    section: string,
    what: string,
    fields: readonly string[],
    why: RegExp,
    ends?: boolean,
  ])[] = [
    ['8.2', 'an upper-case name', [...own, 'X-A', 'b'], /lower case/],
    ['8.2.1', 'a space in a name', [...own, 'x a', 'b'], /lower case/],
    ['8.2.1', 'an empty name', [...own, '', 'b'], /lower case/],
    ['8.2.1', 'a colon in a name', [...own, 'x:a', 'b'], /lower case/],
    ['8.2.1', 'a byte above 0x7e in a name', [...own, 'x\x80', 'b'], /lower case/],
    ['8.2.1', 'CR in a value', [...own, 'x', 'a\rb'], /control/],
    ['8.2.1', 'LF in a value', [...own, 'x', 'a\nb'], /control/],
    ['8.2.1', 'NUL in a value', [...own, 'x', 'a\0b'], /control/],
    ['8.2.1', 'a value that begins with a space', [...own, 'x', ' a'], /white space/],
    ['8.2.1', 'a value that ends in a tab', [...own, 'x', 'a\t'], /white space/],
    ['8.2.2', 'connection', [...own, 'connection', 'close'], /connection/],
    ['8.2.2', 'keep-alive', [...own, 'keep-alive', '5'], /keep-alive/],
    ['8.2.2', 'proxy-connection', [...own, 'proxy-connection', 'close'], /proxy-connection/],
    ['8.2.2', 'transfer-encoding', [...own, 'transfer-encoding', 'chunked'], /transfer-encoding/],
    ['8.2.2', 'upgrade', [...own, 'upgrade', 'websocket'], /upgrade/],
    ['8.2.2', 'te other than trailers', [...own, 'te', 'trailers, deflate'], /TE/],
    ['8.3', 'a pseudo-field after a field', [':method', 'GET', 'a', 'b', ...own.slice(2)], /:scheme after/],
    ['8.3', 'an unknown pseudo-field', [...own, ':foo', 'bar'], /unknown/],
    ['8.3', ':status in a request', [...own, ':status', '200'], /unknown/],
    ['8.3', 'an upper-case pseudo-field', [':METHOD', 'GET', ...own.slice(2)], /unknown/],
    ['8.3.1', 'a second :method', [':method', 'GET', ...own], /second :method/],
    ['8.3.1', 'a second :path', [...own, ':path', '/'], /second :path/],
    ['8.3.1', 'a second :authority', [...own, ':authority', 'www.example.net'], /second :authority/],
    ['8.3.1', 'no :method', own.slice(2), /no :method/],
    ['8.3.1', 'no :scheme', [...own.slice(0, 2), ...own.slice(4)], /no :scheme/],
    ['8.3.1', 'no :path', own.slice(0, 6), /no :path/],
    ['8.3.1', 'an empty :path', [...own.slice(0, 6), ':path', ''], /no :path/],
    ['8.3.1', 'a line end in the :path', [...own.slice(0, 6), ':path', '/\r\nA: b'], /control/],
    ['8.5', 'CONNECT with :path', [':method', 'CONNECT', ...own.slice(4)], /CONNECT with/],
    ['8.5', 'CONNECT without :authority', [':method', 'CONNECT'], /CONNECT without/],
    ['8441-4', ':protocol without CONNECT', [...own, ':protocol', 'websocket'], /:protocol with another/],
    [
      '8441-4',
      'extended CONNECT without :path',
      [':method', 'CONNECT', ':protocol', 'websocket', ...own.slice(2, 6)],
      /no :path/,
      false,
    ],
    ['8.1.1', 'a Content-Length with nothing after the head', [...own, 'content-length', '1'], /no content/],
    ['8.1.1', 'an invalid Content-Length', [...own, 'content-length', '+1'], /no plain number/, false],
    [
      '8.1.1',
      'two Content-Lengths',
      [...own, 'content-length', '1', 'content-length', '1'],
      /more than one/,
      false,
    ],
  ];
  for (const [section, what, fields, why, ends] of rows) {
    test(`${section}: ${what}`, () => assert.match(whys(fields, ends).join(), why));
  }
  test('an ordinary request has none of these faults', () => {
    assert.deepEqual(whys([...own, 'te', 'trailers', 'x', 'a\tb \x80', 'y', '']), []);
  });
});

suite('HTTP/2 fields: trailers', () => {
  test('are checked like header fields', () => {
    assert.equal(trailerFault(['grpc-status', '0']), null);
    assert.match(trailerFault(['a', 'b', ':path', '/']) ?? '', /pseudo/);
    assert.match(trailerFault(['A', 'b']) ?? '', /lower case/);
    assert.match(trailerFault(['a', 'b\r\n']) ?? '', /control/);
    assert.match(trailerFault(['connection', 'close']) ?? '', /connection/);
  });
});
