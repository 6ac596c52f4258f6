import { head, refused } from './request.ts';
import type { CorpusRow } from './row.ts';

/** The framing of the message cannot be trusted: 400, and the connection closes. */
const framed = (id: string, reference: string, bytes: string): CorpusRow => ({
  id: `framing-${id}`,
  reference,
  bytes,
  expect: refused('framing', 400),
});

/** A GET to our own site with one more line, verbatim. */
const line = (id: string, reference: string, written: string): CorpusRow =>
  framed(id, reference, head('GET / HTTP/1.1', 'Host: www.example.net', written));

/** A POST to our own site. */
const post = (id: string, reference: string, headers: string[], body: string): CorpusRow =>
  framed(id, reference, head('POST / HTTP/1.1', 'Host: www.example.net', ...headers) + body);

const chunked = (id: string, reference: string, body: string): CorpusRow =>
  post(`chunk-${id}`, reference, ['Transfer-Encoding: chunked'], body);

const smuggled = head('GET /smuggled HTTP/1.1', 'Host: www.example.net');

export const framing: CorpusRow[] = [
  framed('http09', 'RFC 1945 section 4.1', 'GET /\r\n\r\n'),
  framed('http09-version-word', 'RFC 1945 section 4.1', 'GET / HTTP/0.9\r\n\r\n'),
  framed('version-1-2', 'RFC 9112 section 2.3', head('GET / HTTP/1.2', 'Host: www.example.net')),
  framed('version-2-0', 'RFC 9113 section 3', head('GET / HTTP/2.0', 'Host: www.example.net')),
  framed('version-3-0', 'RFC 9114 section 3', head('GET / HTTP/3.0', 'Host: www.example.net')),
  framed('version-two-digits', 'RFC 9112 section 2.3', head('GET / HTTP/1.10', 'Host: www.example.net')),
  framed('version-lower-case', 'RFC 9112 section 2.3', head('GET / http/1.1', 'Host: www.example.net')),
  framed('version-without-minor', 'RFC 9112 section 2.3', head('GET / HTTP/1', 'Host: www.example.net')),
  framed('version-other-protocol', 'RFC 9112 section 2.3', head('GET / HTTPS/1.1', 'Host: www.example.net')),
  framed('method-only', 'RFC 9112 section 3', 'GET\r\n\r\n'),
  post(
    'te-and-cl',
    'RFC 9112 section 6.3; CL.TE smuggling',
    ['Content-Length: 6', 'Transfer-Encoding: chunked'],
    '0\r\n\r\nG',
  ),
  post(
    'te-then-cl',
    'RFC 9112 section 6.3; TE.CL smuggling',
    ['Transfer-Encoding: chunked', 'Content-Length: 4'],
    `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`,
  ),
  framed(
    'te-on-http10',
    'RFC 9112 section 6.1',
    head('POST / HTTP/1.0', 'Host: www.example.net', 'Transfer-Encoding: chunked') + '0\r\n\r\n',
  ),
  post('te-empty', 'RFC 9112 section 6.1', ['Transfer-Encoding:'], '0\r\n\r\n'),
  post('te-gzip', 'RFC 9112 section 6.3', ['Transfer-Encoding: gzip'], '0\r\n\r\n'),
  post('te-gzip-chunked', 'RFC 9112 section 7', ['Transfer-Encoding: gzip, chunked'], '0\r\n\r\n'),
  post('te-chunked-gzip', 'RFC 9112 section 6.1', ['Transfer-Encoding: chunked, gzip'], '0\r\n\r\n'),
  post('te-identity', 'RFC 7230 appendix A.2', ['Transfer-Encoding: identity'], '0\r\n\r\n'),
  post('te-xchunked', 'TE.TE smuggling', ['Transfer-Encoding: xchunked'], '0\r\n\r\n'),
  post('te-chunkedx', 'TE.TE smuggling', ['Transfer-Encoding: chunkedx'], '0\r\n\r\n'),
  post('te-quoted', 'TE.TE smuggling', ['Transfer-Encoding: "chunked"'], '0\r\n\r\n'),
  post('te-parameter', 'RFC 9112 section 7', ['Transfer-Encoding: chunked;q=1'], '0\r\n\r\n'),
  post('te-twice-in-a-list', 'RFC 9112 section 6.1', ['Transfer-Encoding: chunked, chunked'], '0\r\n\r\n'),
  post(
    'te-two-lines',
    'RFC 9112 section 6.1',
    ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'],
    '0\r\n\r\n',
  ),
  post('te-vertical-tab', 'TE.TE smuggling', ['Transfer-Encoding: \x0bchunked'], '0\r\n\r\n'),
  post('te-space-before-colon', 'RFC 9112 section 5.1', ['Transfer-Encoding : chunked'], '0\r\n\r\n'),
  post('te-folded', 'RFC 9112 section 5.2', ['Transfer-Encoding:', ' chunked'], '0\r\n\r\n'),
  post('cl-two-different', 'RFC 9112 section 6.3', ['Content-Length: 3', 'Content-Length: 5'], 'a=bcd'),
  post('cl-two-equal', 'RFC 9112 section 6.3', ['Content-Length: 3', 'Content-Length: 3'], 'a=b'),
  post('cl-comma-list', 'RFC 9112 section 6.3', ['Content-Length: 3, 3'], 'a=b'),
  post('cl-plus', 'RFC 9110 section 8.6', ['Content-Length: +3'], 'a=b'),
  post('cl-minus', 'RFC 9110 section 8.6', ['Content-Length: -3'], 'a=b'),
  post('cl-hexadecimal', 'RFC 9110 section 8.6', ['Content-Length: 0x3'], 'a=b'),
  post('cl-letters', 'RFC 9110 section 8.6', ['Content-Length: three'], 'a=b'),
  post('cl-two-numbers', 'RFC 9110 section 8.6', ['Content-Length: 3 3'], 'a=b'),
  post('cl-fraction', 'RFC 9110 section 8.6', ['Content-Length: 3.0'], 'a=b'),
  post('cl-empty', 'RFC 9110 section 8.6', ['Content-Length:'], ''),
  post('cl-over-64-bits', 'RFC 9110 section 8.6', ['Content-Length: 18446744073709551617'], 'a'),
  post('cl-over-63-bits', 'RFC 9110 section 8.6', ['Content-Length: 9999999999999999999'], 'a'),
  post('cl-underscore', 'RFC 3875 section 4.1.18; CGI variables', ['Content_Length: 3'], 'a=b'),
  post(
    'te-underscore',
    'RFC 3875 section 4.1.18; CGI variables',
    ['Content-Length: 5', 'Transfer_Encoding: chunked'],
    '0\r\n\r\n',
  ),
  post('cl-space-before-colon', 'RFC 9112 section 5.1', ['Content-Length : 3'], 'a=b'),
  chunked('size-junk', 'RFC 9112 section 7.1', '5g\r\nhello\r\n0\r\n\r\n'),
  chunked('size-hexadecimal-prefix', 'RFC 9112 section 7.1', '0x5\r\nhello\r\n0\r\n\r\n'),
  chunked('size-negative', 'RFC 9112 section 7.1', '-5\r\nhello\r\n0\r\n\r\n'),
  chunked('size-empty', 'RFC 9112 section 7.1', '\r\nhello\r\n0\r\n\r\n'),
  chunked('size-overflow', 'RFC 9112 section 7.1', '10000000000000005\r\nhello\r\n0\r\n\r\n'),
  chunked('data-too-long', 'RFC 9112 section 7.1', '3\r\nhello\r\n0\r\n\r\n'),
  chunked('size-bare-lf', 'RFC 9112 section 7.1; CVE-2025-22871', '5\nhello\r\n0\r\n\r\n'),
  chunked('extension-bare-lf', 'RFC 9112 section 7.1.1; TERM.EXT smuggling', '5;a\nhello\r\n0\r\n\r\n'),
  framed('bare-lf-everywhere', 'RFC 9112 section 2.2', 'GET / HTTP/1.1\nHost: www.example.net\n\n'),
  framed(
    'bare-lf-after-header',
    'RFC 9112 section 2.2',
    'GET / HTTP/1.1\r\nHost: www.example.net\nX: y\r\n\r\n',
  ),
  line('bare-cr-in-value', 'RFC 9112 section 2.2', 'X: a\rTransfer-Encoding: chunked'),
  line('obs-fold-space', 'RFC 9112 section 5.2', 'X: a\r\n b'),
  line('obs-fold-tab', 'RFC 9112 section 5.2', 'X: a\r\n\tb'),
  framed('obs-fold-first-line', 'RFC 9112 section 2.2', head('GET / HTTP/1.1', ' Host: www.example.net')),
  framed(
    'obs-fold-host',
    'RFC 9112 section 5.2',
    head('GET / HTTP/1.1', 'Host: www.example.net', ' www.example.com'),
  ),
  framed('host-space-before-colon', 'RFC 9112 section 5.1', head('GET / HTTP/1.1', 'Host : www.example.net')),
  line('name-with-space', 'RFC 9110 section 5.1', 'X Y: z'),
  line('name-with-at', 'RFC 9110 section 5.1', 'X@Y: z'),
  line('name-with-nul', 'RFC 9110 section 5.1', 'X\x00Y: z'),
  line('name-with-obs-text', 'RFC 9110 section 5.1', 'X\xe9: z'),
  line('name-empty', 'RFC 9110 section 5.1', ': z'),
  line('no-colon', 'RFC 9112 section 5', 'nonsense'),
  line('value-nul', 'RFC 9110 section 5.5', 'X: a\x00b'),
  line('value-control', 'RFC 9110 section 5.5', 'X: a\x01b'),
  line('value-delete', 'RFC 9110 section 5.5', 'X: a\x7fb'),
  line('value-escape', 'RFC 9110 section 5.5; terminal escapes in logs', 'X: a\x1b[31m'),
];
