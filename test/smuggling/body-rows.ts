/** Chunks, trailers, versions, bodies on methods that usually have none, and requests after a refused one. */
import { get, head, partly, passes, post, refused, type SmugglingRow, smuggled } from './row.ts';

const chunked = (body: string): string => post(['Transfer-Encoding: chunked'], body);
const last = '0\r\n\r\n';

const badChunk = (id: string, body: string, reference = 'RFC 9112 section 7.1'): SmugglingRow =>
  refused(`chunk-${id}`, reference, chunked(body + smuggled));

const unfinished = (id: string, body: string): SmugglingRow => ({ ...badChunk(id, body), unfinished: true });

const chunks: SmugglingRow[] = [
  badChunk('size-0x', `0x5\r\nhello\r\n${last}`),
  badChunk('size-plus', `+5\r\nhello\r\n${last}`),
  badChunk('size-minus', `-5\r\nhello\r\n${last}`),
  badChunk('size-empty', `\r\nhello\r\n${last}`),
  badChunk('size-letters', `5g\r\nhello\r\n${last}`),
  badChunk('size-underscore', `1_0\r\n${'x'.repeat(16)}\r\n${last}`),
  badChunk('size-space-before', ` 5\r\nhello\r\n${last}`),
  badChunk('size-space-behind', `5 \r\nhello\r\n${last}`),
  badChunk('size-tab-behind', `5\t\r\nhello\r\n${last}`),
  badChunk('size-two-words', `5 5\r\nhello\r\n${last}`),
  badChunk('size-comma', `5,5\r\nhello\r\n${last}`),
  badChunk('size-nul', `5\0\r\nhello\r\n${last}`),
  badChunk('size-quoted', `"5"\r\nhello\r\n${last}`),
  badChunk('size-full-width', `\xef\xbc\x95\r\nhello\r\n${last}`),
  unfinished('size-2-64', `10000000000000005\r\nhello\r\n${last}`),
  unfinished('size-2-53', `20000000000005\r\nhello\r\n${last}`),
  unfinished('size-all-f', `ffffffffffffffff\r\nhello\r\n${last}`),
  unfinished('size-7f', `7fffffffffffffff\r\nhello\r\n${last}`),
  unfinished('size-hundred-digits', `${'f'.repeat(100)}\r\nhello\r\n${last}`),
  badChunk('size-lf', `5\nhello\r\n${last}`, 'RFC 9112 section 7.1; CVE-2025-22871'),
  badChunk('size-cr', `5\rhello\r\n${last}`),
  badChunk('size-cr-cr-lf', `5\r\r\nhello\r\n${last}`),
  badChunk('data-lf', `5\r\nhello\n${last}`),
  badChunk('data-cr', `5\r\nhello\r${last}`),
  badChunk('data-without-end', `5\r\nhello${last}`),
  badChunk('data-too-long', `3\r\nhello\r\n${last}`),
  badChunk('data-any-two-bytes', `5\r\nhelloXX${last}`, 'RFC 9112 section 7.1; two bytes skipped unseen'),
  badChunk('extension-lf', `5;a\nhello\r\n${last}`, 'RFC 9112 section 7.1.1; TERM.EXT smuggling'),
  badChunk('extension-cr', `5;a\rhello\r\n${last}`, 'RFC 9112 section 7.1.1; EXT.TERM smuggling'),
  badChunk('extension-quoted-line', `5;a="\r\n"\r\nhello\r\n${last}`, 'RFC 9112 section 7.1.1'),
  badChunk('extension-nul', `5;a=\0\r\nhello\r\n${last}`, 'RFC 9112 section 7.1.1'),
  badChunk('last-lf', '0\n\n'),
  badChunk('last-lf-end', '0\r\n\n'),
  badChunk('last-cr', '0\r\r'),
  badChunk('last-minus', '-0\r\n\r\n'),
  badChunk('last-0x', '0x0\r\n\r\n'),
  badChunk('last-space', '0 \r\n\r\n'),
  badChunk('trailer-without-colon', '0\r\nX y\r\n\r\n', 'RFC 9112 section 7.1.2'),
  badChunk('trailer-folded', '0\r\nX: y\r\n z\r\n\r\n', 'RFC 9112 section 7.1.2'),
  badChunk('trailer-lf', '0\r\nX: y\n\r\n', 'RFC 9112 section 7.1.2'),
  badChunk('trailer-cr', '0\r\nX: y\rz\r\n\r\n', 'RFC 9112 section 7.1.2'),
  badChunk('trailer-nul', '0\r\nX: y\0\r\n\r\n', 'RFC 9112 section 7.1.2'),
  badChunk('trailer-space-before-colon', '0\r\nX : y\r\n\r\n', 'RFC 9112 section 7.1.2'),
];

const second = head('GET /second HTTP/1.1', 'Host: siteNN.example.net');

const legalChunks: SmugglingRow[] = [
  ['many', `1\r\na\r\n01\r\nb\r\n5\r\nhello\r\n${last}`],
  ['extension', `5;a=b;c="d"\r\nhello\r\n0;e\r\n\r\n`],
  ['upper-case', `A\r\n0123456789\r\n${last}`],
  ['request-as-data', `${smuggled.length.toString(16)}\r\n${smuggled}\r\n${last}`],
  ['last-chunk-as-data', `5\r\n0\r\n\r\n\r\n${last}`],
  ['leading-zeros', `0000000005\r\nhello\r\n${last}`],
  ['zeros', '5\r\nhello\r\n000\r\n\r\n'],
].map(([id, body]) =>
  passes(
    `chunk-${id}`,
    'RFC 9112 section 7.1',
    chunked(body!) + head('GET /second HTTP/1.1', 'Host: siteNN.example.net'),
    ['POST /first', 'GET /second'],
  ),
);

/** None of these may change how this message or the next one is read. Refusing them is equally safe. */
const trailers: SmugglingRow[] = [
  ['trailer-content-length', `0\r\nContent-Length: ${smuggled.length}\r\n\r\n`],
  ['trailer-transfer-encoding', '0\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ['trailer-host', '0\r\nHost: evil.example\r\n\r\n'],
  ['trailer-connection', '0\r\nConnection: close\r\n\r\n'],
  ['trailer-request-like', '0\r\nGET: /smuggled HTTP/1.1\r\n\r\n'],
].map(([id, body]) => ({
  ...passes(`chunk-${id}`, 'RFC 9110 section 6.5.1', chunked(body!) + second, ['POST /first', 'GET /second']),
  orLess: true,
}));

const long = smuggled.length;
const withBody = (method: string, headers: string[] = []): string =>
  head(`${method} /first HTTP/1.1`, 'Host: siteNN.example.net', ...headers, `Content-Length: ${long}`) +
  smuggled;

/** A body on a method that usually has none: a backend that does not read it takes it for the next request. */
const bodies: SmugglingRow[] = [
  ...['GET', 'HEAD', 'DELETE', 'OPTIONS'].flatMap((method) => [
    passes(`body-on-${method.toLowerCase()}`, 'RFC 9110 section 9.3.1', withBody(method), [
      `${method} /first`,
    ]),
    passes(
      `chunked-body-on-${method.toLowerCase()}`,
      'RFC 9110 section 9.3.1',
      head(`${method} /first HTTP/1.1`, 'Host: siteNN.example.net', 'Transfer-Encoding: chunked') +
        `${long.toString(16)}\r\n${smuggled}\r\n${last}`,
      [`${method} /first`],
    ),
  ]),
  refused(
    'body-on-connect',
    'RFC 9110 section 9.3.6',
    withBody('CONNECT').replace('/first', 'siteNN.example.net:80'),
  ),
  refused('body-on-trace', 'RFC 9110 section 9.3.8', withBody('TRACE')),
];

const version = (id: string, line: string): SmugglingRow =>
  refused(`version-${id}`, 'RFC 9112 section 2.3', head(line, 'Host: siteNN.example.net') + smuggled);

const versions: SmugglingRow[] = [
  refused('version-0-9', 'RFC 1945 section 4.1', `GET /first\r\n${smuggled}`),
  refused('version-0-9-crlf', 'RFC 1945 section 4.1', `GET /first\r\n\r\n${smuggled}`),
  refused('version-0-9-lf', 'RFC 1945 section 4.1', `GET /first\n${smuggled}`),
  version('0-9-word', 'GET /first HTTP/0.9'),
  version('9-9', 'GET /first HTTP/9.9'),
  version('1-2', 'GET /first HTTP/1.2'),
  version('2-0', 'GET /first HTTP/2.0'),
  version('1-11', 'GET /first HTTP/1.11'),
  version('01-1', 'GET /first HTTP/01.1'),
  version('1', 'GET /first HTTP/1'),
  version('1-dot', 'GET /first HTTP/1.'),
  version('1-comma-1', 'GET /first HTTP/1,1'),
  version('lower-case', 'GET /first http/1.1'),
  version('space-within', 'GET /first HTTP/ 1.1'),
  version('space-behind', 'GET /first HTTP/1.1 '),
  version('twice', 'GET /first HTTP/1.1 HTTP/1.1'),
  version('target-with-space', 'GET /first /second HTTP/1.1'),
  version('two-spaces', 'GET  /first HTTP/1.1'),
  version('two-spaces-behind', 'GET /first  HTTP/1.1'),
  version('tab', 'GET\t/first HTTP/1.1'),
  version('vertical-tab', 'GET\x0b/first HTTP/1.1'),
  version('space-before', ' GET /first HTTP/1.1'),
  version('preface', 'PRI * HTTP/2.0'),
  passes(
    'http10-one-request',
    'RFC 9112 section 9.3',
    head('GET /first HTTP/1.0', 'Host: siteNN.example.net'),
    ['GET /first'],
  ),
  // RFC 9112 section 9.3: without keep-alive the connection ends with the first answer.
  passes(
    'http10-pipelined',
    'RFC 9112 section 9.3',
    head('GET /first HTTP/1.0', 'Host: siteNN.example.net') + smuggled,
    ['GET /first'],
  ),
  passes('http11-close-pipelined', 'RFC 9112 section 9.6', get('Connection: close') + smuggled, [
    'GET /first',
  ]),
];

const foreign = head('GET /first HTTP/1.1', 'Host: evil.example');
const pipelining: SmugglingRow[] = [
  refused('behind-foreign-host', 'RFC 9112 section 9.3.2', foreign + smuggled),
  refused(
    'behind-connect',
    'RFC 9110 section 9.3.6',
    head('CONNECT evil.example:25 HTTP/1.1', 'Host: evil.example') + smuggled,
  ),
  refused(
    'behind-foreign-absolute-form',
    'RFC 9112 section 3.2.2',
    head('GET http://evil.example/first HTTP/1.1', 'Host: siteNN.example.net') + smuggled,
  ),
  refused(
    'behind-trace',
    'RFC 9110 section 9.3.8',
    head('TRACE / HTTP/1.1', 'Host: siteNN.example.net') + smuggled,
  ),
  refused('behind-missing-host', 'RFC 9112 section 3.2', head('GET /first HTTP/1.1') + smuggled),
  refused(
    'behind-two-hosts',
    'RFC 9112 section 3.2',
    head('GET /first HTTP/1.1', 'Host: siteNN.example.net', 'Host: siteNN.example.net') + smuggled,
  ),
  refused(
    'behind-refused-body',
    'RFC 9112 section 9.3',
    head('POST /first HTTP/1.1', 'Host: evil.example', `Content-Length: ${long}`) + smuggled + smuggled,
  ),
  refused(
    'behind-refused-short-body',
    'RFC 9112 section 9.3',
    head('POST /first HTTP/1.1', 'Host: evil.example', 'Content-Length: 3') + smuggled,
  ),
  refused(
    'behind-refused-expect',
    'RFC 9110 section 10.1.1',
    head('POST /first HTTP/1.1', 'Host: evil.example', 'Expect: 100-continue', 'Content-Length: 10') +
      smuggled,
  ),
  partly('foreign-host-second', 'RFC 9112 section 9.3.2', get() + foreign + smuggled, ['GET /first']),
  partly('malformed-second', 'RFC 9112 section 9.3.2', `${get()}GET /second HTTP/9.9\r\n\r\n${smuggled}`, [
    'GET /first',
  ]),
  partly(
    'te-and-cl-second',
    'RFC 9112 section 6.3',
    get() + post(['Content-Length: 5', 'Transfer-Encoding: chunked'], last + smuggled),
    ['GET /first'],
  ),
  partly(
    'connect-second',
    'RFC 9110 section 9.3.6',
    get() + head('CONNECT evil.example:25 HTTP/1.1', 'Host: siteNN.example.net') + smuggled,
    ['GET /first'],
  ),
  partly('http09-second', 'RFC 1945 section 4.1', `${get()}GET /smuggled\r\n\r\n`, ['GET /first']),
  partly(
    'rtsp-second',
    'RFC 9112 section 2.3',
    get() + head('GET /second RTSP/1.0', 'Host: siteNN.example.net'),
    ['GET /first'],
  ),
  partly(
    'two-spaces-second',
    'RFC 9112 section 3',
    get() + head('GET  /second HTTP/1.1', 'Host: siteNN.example.net'),
    ['GET /first'],
  ),
  partly('nul-second', 'RFC 9112 section 2.2', `${get()}\0${smuggled}`, ['GET /first']),
  partly('bare-lf-second', 'RFC 9112 section 2.2', get() + smuggled.replaceAll('\r\n', '\n'), ['GET /first']),
  partly('junk-behind-body', 'RFC 9112 section 6.3', `${post(['Content-Length: 3'], 'abcd')}${smuggled}`, [
    'POST /first',
  ]),
  passes(
    'three-in-a-row',
    'RFC 9112 section 9.3.2',
    get() +
      head('HEAD /second HTTP/1.1', 'Host: siteNN.example.net') +
      head('GET /third HTTP/1.1', 'Host: siteNN.example.net'),
    ['GET /first', 'HEAD /second', 'GET /third'],
  ),
];

const expectations: SmugglingRow[] = [
  passes(
    'expect-body-at-once',
    'RFC 9110 section 10.1.1',
    post(['Expect: 100-continue', `Content-Length: ${long}`], smuggled),
    ['POST /first'],
  ),
  passes(
    'expect-chunked-at-once',
    'RFC 9110 section 10.1.1',
    post(
      ['Expect: 100-continue', 'Transfer-Encoding: chunked'],
      `${long.toString(16)}\r\n${smuggled}\r\n${last}`,
    ),
    ['POST /first'],
  ),
  passes('expect-on-get-with-body', 'RFC 9110 section 10.1.1', withBody('GET', ['Expect: 100-continue']), [
    'GET /first',
  ]),
  passes('expect-without-body', 'RFC 9110 section 10.1.1', get('Expect: 100-continue'), ['GET /first']),
  passes(
    'upgrade-h2c-with-body',
    'RFC 9113 section 3.1',
    post(
      [
        'Connection: Upgrade, HTTP2-Settings',
        'Upgrade: h2c',
        'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA',
        `Content-Length: ${long}`,
      ],
      smuggled,
    ),
    ['POST /first'],
  ),
  passes(
    'upgrade-unknown-with-body',
    'RFC 9110 section 7.8',
    post(['Connection: Upgrade', 'Upgrade: foo', `Content-Length: ${long}`], smuggled),
    ['POST /first'],
  ),
  passes(
    'upgrade-websocket-elsewhere',
    'RFC 6455 section 4.1',
    get(
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ),
    ['GET /first'],
  ),
  refused(
    'connection-lists-content-length',
    'RFC 9110 section 7.6.1',
    post(['Connection: Content-Length', `Content-Length: ${long}`], smuggled),
  ),
  // Transfer-Encoding is hop-by-hop whether it is listed or not: the body is read by its chunks.
  passes(
    'connection-lists-transfer-encoding',
    'RFC 9110 section 7.6.1',
    post(['Connection: Transfer-Encoding', 'Transfer-Encoding: chunked'], last + smuggled),
    ['POST /first', 'GET /smuggled'],
  ),
  refused('connection-lists-host', 'RFC 9110 section 7.6.1', get('Connection: Host')),
];

export const bodyRows: readonly SmugglingRow[] = [
  ...chunks,
  ...legalChunks,
  ...trailers,
  ...bodies,
  ...versions,
  ...pipelining,
  ...expectations,
];
