/** Content-Length, Transfer-Encoding, and line ends. */
import { get, head, passes, post, refused, type SmugglingRow, smuggled } from './row.ts';

const last = '0\r\n\r\n';
/** An empty body if it is read by its chunks; otherwise the smuggled request follows. */
const behindChunks = last + smuggled;

const te = (
  id: string,
  line: string,
  reference = 'RFC 9112 section 6.1; TE.TE smuggling',
): SmugglingRow[] => [
  refused(`te-${id}`, reference, post([line], behindChunks)),
  refused(
    `te-${id}-then-cl`,
    'RFC 9112 section 6.3; TE.CL smuggling',
    post([line, `Content-Length: ${behindChunks.length}`], behindChunks),
  ),
  refused(
    `cl-then-te-${id}`,
    'RFC 9112 section 6.3; CL.TE smuggling',
    post([`Content-Length: ${behindChunks.length}`, line], behindChunks),
  ),
];

/** Spellings that some servers take for `chunked` and others do not. */
const spellings: SmugglingRow[] = [
  ...te('xchunked', 'Transfer-Encoding: xchunked'),
  ...te('chunkedx', 'Transfer-Encoding: chunkedx'),
  ...te('quoted', 'Transfer-Encoding: "chunked"'),
  ...te('single-quoted', "Transfer-Encoding: 'chunked'"),
  ...te('parameter', 'Transfer-Encoding: chunked;foo=bar'),
  ...te('identity', 'Transfer-Encoding: identity'),
  ...te('identity-chunked', 'Transfer-Encoding: identity, chunked'),
  ...te('chunked-identity', 'Transfer-Encoding: chunked, identity'),
  ...te('chunked-chunked', 'Transfer-Encoding: chunked, chunked'),
  ...te('leading-comma', 'Transfer-Encoding: , chunked'),
  ...te('trailing-comma', 'Transfer-Encoding: chunked,'),
  ...te('gzip-chunked', 'Transfer-Encoding: gzip, chunked'),
  ...te('cow', 'Transfer-Encoding: cow'),
  ...te('empty', 'Transfer-Encoding:'),
  ...te('two-lines', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked'),
  ...te('two-lines-cow', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: cow'),
  ...te('two-lines-cow-first', 'Transfer-Encoding: cow\r\nTransfer-Encoding: chunked'),
  ...te('vertical-tab', 'Transfer-Encoding: \x0bchunked'),
  ...te('form-feed', 'Transfer-Encoding: \x0cchunked'),
  ...te('no-break-space', 'Transfer-Encoding: \xa0chunked'),
  ...te('next-line', 'Transfer-Encoding: \x85chunked'),
  ...te('nul-behind', 'Transfer-Encoding: chunked\0'),
  ...te('nul-before', 'Transfer-Encoding: \0chunked'),
  ...te('bare-cr-before', 'Transfer-Encoding: \rchunked'),
  ...te('bare-cr-behind', 'Transfer-Encoding: chunked\r'),
  ...te('space-before-colon', 'Transfer-Encoding : chunked', 'RFC 9112 section 5.1'),
  ...te('tab-before-colon', 'Transfer-Encoding\t: chunked', 'RFC 9112 section 5.1'),
  ...te('nul-in-name', 'Transfer-Encoding\0: chunked'),
  ...te('cr-in-name', 'Transfer-Encoding\r: chunked'),
  ...te('folded', 'Transfer-Encoding:\r\n chunked', 'RFC 9112 section 5.2'),
  ...te('folded-tab', 'Transfer-Encoding:\r\n\tchunked', 'RFC 9112 section 5.2'),
  ...te('hidden-in-a-fold', 'X: y\r\n Transfer-Encoding: chunked', 'RFC 9112 section 5.2'),
  ...te('hidden-behind-a-cr', 'X: y\rTransfer-Encoding: chunked', 'RFC 9112 section 2.2'),
  ...te('hidden-behind-a-nul', 'X: y\0\r\nTransfer-Encoding: chunked'),
  ...te('leading-space-line', ' Transfer-Encoding: chunked', 'RFC 9112 section 2.2'),
  ...te('underscore', 'Transfer_Encoding: chunked', 'RFC 3875 section 4.1.18; CGI variables'),
  ...te('obs-text-in-name', 'Transfer-Encod\xefng: chunked'),
  ...te('equals-sign', 'Transfer-Encoding=chunked', 'RFC 9112 section 5'),
  ...te('no-colon', 'Transfer-Encoding chunked', 'RFC 9112 section 5'),
  ...te('bare-lf-before', 'X: y\nTransfer-Encoding: chunked', 'RFC 9112 section 2.2'),
  ...te('bare-lf-behind', 'Transfer-Encoding: chunked\nX: y', 'RFC 9112 section 2.2'),
];

/** The legal spelling: any case, with white space around it. The bytes after the body are the next request. */
const legal: SmugglingRow[] = [
  ['plain', 'Transfer-Encoding: chunked'],
  ['upper-case', 'TRANSFER-ENCODING: CHUNKED'],
  ['white-space', 'Transfer-Encoding:   chunked  '],
  ['no-white-space', 'Transfer-Encoding:chunked'],
].flatMap(([id, line]) => [
  passes(`te-${id}`, 'RFC 9112 section 7.1', post([line!], last), ['POST /first']),
  passes(`te-${id}-pipelined`, 'RFC 9112 section 9.3.2', post([line!], `3\r\nabc\r\n${last}${smuggled}`), [
    'POST /first',
    'GET /smuggled',
  ]),
  refused(
    `te-${id}-then-cl`,
    'RFC 9112 section 6.3; TE.CL smuggling',
    post([line!, 'Content-Length: 5'], behindChunks),
  ),
  refused(
    `cl-then-te-${id}`,
    'RFC 9112 section 6.3; CL.TE smuggling',
    post([`Content-Length: ${behindChunks.length}`, line!], behindChunks),
  ),
  refused(
    `te-${id}-http10`,
    'RFC 9112 section 6.1',
    post([line!], behindChunks).replace('HTTP/1.1', 'HTTP/1.0'),
  ),
  refused(
    `te-${id}-http10-kept-alive`,
    'RFC 9112 section 6.1',
    post(['Connection: keep-alive', line!, 'Content-Length: 5'], behindChunks).replace(
      'HTTP/1.1',
      'HTTP/1.0',
    ),
  ),
]);

const length = (id: string, value: string, body = smuggled): SmugglingRow =>
  refused(`cl-${id}`, 'RFC 9110 section 8.6', post([`Content-Length:${value}`], body));

const long = String(smuggled.length);
const lengths: SmugglingRow[] = [
  length('plus', ' +5'),
  length('minus', ' -5'),
  length('minus-zero', ' -0'),
  length('hexadecimal', ' 0x5'),
  length('octal', ' 0o5'),
  length('many-leading-zeros', ` ${long.padStart(40, '0')}`),
  length('exponent', ' 5e1'),
  length('fraction', ' 5.0'),
  length('underscore-within', ' 4_2'),
  length('thousands', ' 1,000'),
  length('list-of-equals', ` ${long}, ${long}`),
  length('list-of-two', ` 0, ${long}`),
  length('trailing-comma', ` ${long},`),
  length('two-words', ` ${long} 0`),
  length('tab-within', ` 4\t2`),
  length('letters', ` ${long}abc`),
  length('semicolon', ` ${long};0`),
  length('quoted', ` "${long}"`),
  length('empty', ''),
  length('blank', ' '),
  length('nul', ` ${long}\0`),
  length('vertical-tab', ` \x0b${long}`),
  length('no-break-space', ` \xa0${long}`),
  length('arabic-digits', ' \xd9\xa5'),
  length('full-width-digit', ' \xef\xbc\x95'),
  length('bare-cr', ` 0\rContent-Length: ${long}`),
  length('bare-lf', ` 0\nContent-Length: ${long}`),
  length('folded', `\r\n ${long}`),
  length('continued', ` 0\r\n ${long}`),
  length('2-53', ' 9007199254740993'),
  length('2-63', ' 9223372036854775808'),
  length('19-nines', ' 9999999999999999999'),
  length('2-64', ' 18446744073709551616'),
  length('2-64-and-5', ' 18446744073709551621'),
  length('2-64-less-1', ' 18446744073709551615'),
  length('fifty-digits', ` ${'9'.repeat(50)}`),
  length('thousand-digits', ` ${'1'.repeat(1000)}`),
  ...[
    ['equal', long, long],
    ['smaller-second', long, '0'],
    ['larger-second', '0', long],
    ['bad-second', long, 'x'],
  ].map(([id, one, two]) =>
    refused(
      `cl-twice-${id}`,
      'RFC 9112 section 6.3',
      post([`Content-Length: ${one}`, `Content-Length: ${two}`], smuggled),
    ),
  ),
  refused(
    'cl-twice-apart',
    'RFC 9112 section 6.3',
    post([`Content-Length: ${long}`, 'X: y', 'content-length: 0'], smuggled),
  ),
  refused('cl-space-before-colon', 'RFC 9112 section 5.1', post([`Content-Length : ${long}`], smuggled)),
  refused(
    'cl-underscore',
    'RFC 3875 section 4.1.18; CGI variables',
    post([`Content_Length: ${long}`], smuggled),
  ),
  refused(
    'cl-beside-underscore',
    'RFC 3875 section 4.1.18; CGI variables',
    post(['Content-Length: 0', `Content_Length: ${long}`], smuggled),
  ),
  refused('cl-nul-in-name', 'RFC 9110 section 5.1', post([`Content-Length\0: ${long}`], smuggled)),
  refused('cl-in-a-fold', 'RFC 9112 section 5.2', post(['X: y', ` Content-Length: ${long}`], smuggled)),
  passes(
    'cl-leading-zero',
    'RFC 9110 section 8.6; octal to some readers',
    post([`Content-Length: 0${long}`], smuggled),
    ['POST /first'],
  ),
  passes('cl-exact', 'RFC 9112 section 6.2', post([`Content-Length: ${long}`], smuggled), ['POST /first']),
  passes('cl-zero-pipelined', 'RFC 9112 section 9.3.2', post(['Content-Length: 0'], smuggled), [
    'POST /first',
    'GET /smuggled',
  ]),
  passes('cl-none-pipelined', 'RFC 9112 section 6.3', post([], smuggled), ['POST /first', 'GET /smuggled']),
  passes('cl-of-another-name', 'RFC 9112 section 6.3', post([`X-Content-Length: ${long}`], smuggled), [
    'POST /first',
    'GET /smuggled',
  ]),
  passes('cl-as-a-suffix', 'RFC 9112 section 6.3', post([`Content-Lengths: ${long}`], smuggled), [
    'POST /first',
    'GET /smuggled',
  ]),
];

const marks: SmugglingRow[] = [
  refused('lf-request-line', 'RFC 9112 section 2.2', get().replace('\r\n', '\n')),
  refused('lf-all', 'RFC 9112 section 2.2', (get() + smuggled).replaceAll('\r\n', '\n')),
  refused(
    'lf-empty-line',
    'RFC 9112 section 2.2',
    `GET /first HTTP/1.1\r\nHost: siteNN.example.net\r\n\n${smuggled}`,
  ),
  refused(
    'lf-lf-cr',
    'RFC 9112 section 2.2',
    `GET /first HTTP/1.1\r\nHost: siteNN.example.net\n\r\n${smuggled}`,
  ),
  refused('cr-request-line', 'RFC 9112 section 2.2', get().replace('\r\n', '\r')),
  refused('cr-all', 'RFC 9112 section 2.2', (get() + smuggled).replaceAll('\r\n', '\r') + '\r\n\r\n'),
  refused('cr-cr-lf', 'RFC 9112 section 2.2', get().replace('\r\n', '\r\r\n')),
  refused('cr-cr-lf-header', 'RFC 9112 section 2.2', get('X: y\r')),
  refused('cr-in-value', 'RFC 9112 section 2.2', get('X: y\rX: z')),
  refused(
    'request-in-a-value-behind-cr',
    'RFC 9112 section 2.2',
    get(`X: y\r\r${smuggled.replaceAll('\r\n', '\r')}`),
  ),
  refused(
    'request-in-a-value-behind-lf',
    'RFC 9112 section 2.2',
    get(`X: y\n\n${smuggled.replaceAll('\r\n', '\n')}`),
  ),
  refused('fold-space', 'RFC 9112 section 5.2', get('X: y', ' z')),
  refused('fold-tab', 'RFC 9112 section 5.2', get('X: y', '\tz')),
  refused('fold-empty', 'RFC 9112 section 5.2', get('X: y', ' ')),
  refused(
    'fold-first',
    'RFC 9112 section 2.2',
    head('GET /first HTTP/1.1', ' X: y', 'Host: siteNN.example.net'),
  ),
  refused('nul-in-value', 'RFC 9110 section 5.5', get('X: y\0z')),
  refused('nul-in-name', 'RFC 9110 section 5.1', get('X\0: y')),
  refused('nul-in-target', 'RFC 9112 section 3.2', get().replace('/first', '/first\0x')),
  refused('nul-in-method', 'RFC 9110 section 9.1', get().replace('GET', 'GE\0T')),
  refused('nul-first', 'RFC 9112 section 2.2', `\0${get()}`),
  refused('name-empty', 'RFC 9110 section 5.1', get(': y')),
  refused('no-colon', 'RFC 9112 section 5', get('X y')),
  refused('space-in-name', 'RFC 9112 section 5.1', get('X y: z')),
  passes('empty-lines-before', 'RFC 9112 section 2.2', `\r\n\r\n${get()}`, ['GET /first']),
  passes('empty-lines-between', 'RFC 9112 section 2.2', `${get()}\r\n\r\n${smuggled}`, [
    'GET /first',
    'GET /smuggled',
  ]),
];

const requestInAChunk = refused(
  'te-cl-request-in-a-chunk',
  'RFC 9112 section 6.3; TE.CL smuggling',
  post(
    ['Transfer-Encoding: chunked', 'Content-Length: 4'],
    `${smuggled.length.toString(16)}\r\n${smuggled}\r\n${last}`,
  ),
);

export const framingRows: readonly SmugglingRow[] = [
  requestInAChunk,
  ...spellings,
  ...legal,
  ...lengths,
  ...marks,
];
