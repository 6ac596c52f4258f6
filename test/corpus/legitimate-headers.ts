import { legitimate, own, utf8 } from './request.ts';
import type { CorpusRow } from './row.ts';

/** Odd but legal headers: the backend must see the same values. */
const exact = (id: string, reference: string, ...headers: string[]): CorpusRow =>
  legitimate({ id: `header-${id}`, reference, head: ['GET /a HTTP/1.1', `Host: ${own}`, ...headers] });

export const legitimateHeaders: CorpusRow[] = [
  legitimate({
    id: 'header-client-address-of-a-trusted-cdn',
    reference: 'a CDN in front',
    head: [
      'GET /a HTTP/1.1',
      `Host: ${own}`,
      'X-Forwarded-For: 203.0.113.7',
      'X-Forwarded-Port: 8443',
      'CF-Connecting-IP: 203.0.113.7',
      'True-Client-IP: 203.0.113.7',
    ],
    expect: { has: { 'x-real-ip': '203.0.113.7', 'x-forwarded-port': '8443' } },
    client: 'trusted',
  }),
  exact('empty-value', 'RFC 9110 section 5.5', 'X-Empty:', 'Accept: */*'),
  exact('blank-value', 'RFC 9110 section 5.5', 'X-Blank: \t '),
  exact('no-space-after-colon', 'RFC 9112 section 5', 'Accept:*/*', 'X-A:b'),
  exact('trailing-space', 'RFC 9112 section 5', 'X-A: b \t'),
  exact('tab-before-value', 'RFC 9110 section 5.6.3', 'X-A:\tb'),
  exact('inner-tab', 'RFC 9110 section 5.5', 'X-A: b\tc'),
  exact('inner-spaces', 'RFC 9110 section 5.5', 'X-A: b   c'),
  exact('latin1-value', 'RFC 9110 section 5.5: obs-text', 'X-A: caf\xe9'),
  exact('utf8-value', 'RFC 9110 section 5.5: obs-text', `X-A: ${utf8('関所')}`),
  exact('lower-case-names', 'RFC 9110 section 5.1', 'accept: */*', 'x-a: b'),
  exact('upper-case-names', 'RFC 9110 section 5.1', 'ACCEPT: */*', 'X-A: B'),
  exact('every-token-character-in-name', 'RFC 9110 section 5.6.2', "X!#$%&'*+-.^_`|~9: b"),
  exact('underscore-in-name', 'RFC 9110 section 5.6.2', 'X_A: b'),
  exact('digit-name', 'RFC 9110 section 5.6.2', '1: b'),
  exact('colons-in-value', 'RFC 9112 section 5', 'X-A: b: c: d'),
  exact('quoted-value', 'RFC 9110 section 5.6.4', 'X-A: "b, \\"c\\""'),
  exact('url-value', 'RFC 9110 section 10.1.3', 'Referer: http://www.example.com/?u=http://www.example.org/'),
  exact('same-name-twice', 'RFC 9110 section 5.3', 'X-A: b', 'X-A: c', 'X-B: d'),
  exact('null-origin', 'RFC 6454 section 7.3', 'Origin: null'),
  exact('foreign-origin', 'Fetch Standard', 'Origin: https://www.example.com'),
  exact('bearer-token', 'RFC 6750 section 2.1', 'Authorization: Bearer mF_9.B5f-4.1JqM'),
  exact(
    'many-cookies',
    'RFC 6265 section 4.2',
    `Cookie: ${Array.from({ length: 100 }, (_, index) => `c${index}=v${index}`).join('; ')}`,
  ),
  exact('long-cookie', 'RFC 6265 section 6.1', `Cookie: a=${'x'.repeat(4000)}`),
  exact(
    'many-headers',
    'proxies and single sign-on',
    ...Array.from({ length: 60 }, (_, index) => `X-Number-${index}: ${index}`),
  ),
  exact('range', 'RFC 9110 section 14.2', 'Range: bytes=0-99,200-299,-50'),
  exact('if-none-match-list', 'RFC 9110 section 13.1.2', 'If-None-Match: "a", W/"b", "c,d"'),
  exact(
    'if-unmodified-since',
    'RFC 9110 section 13.1.4',
    'If-Unmodified-Since: Wed, 21 Oct 2015 07:28:00 GMT',
  ),
  exact('cache-control', 'RFC 9111 section 5.2.1', 'Cache-Control: no-cache, no-store', 'Pragma: no-cache'),
  exact('prefer', 'RFC 7240', 'Prefer: return=minimal, wait=10'),
  exact('early-data', 'RFC 8470 section 5.1', 'Early-Data: 1'),
  exact(
    'tracing',
    'W3C Trace Context',
    'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    'tracestate: a=b,c=d',
  ),
  exact('connection-list-empty-elements', 'RFC 9110 section 5.6.1', 'Connection: , close ,', 'X-A: b'),
  exact(
    'connection-names-extension',
    'RFC 9110 section 7.6.1',
    'Connection: keep-alive, X-Private',
    'X-A: b',
  ),
];
