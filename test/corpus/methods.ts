import { head, refused } from './request.ts';
import type { CorpusRow } from './row.ts';

const unknown = (id: string, reference: string, method: string): CorpusRow => ({
  id: `method-unknown-${id}`,
  reference,
  bytes: head(`${method} / HTTP/1.1`, 'Host: www.example.net'),
  expect: refused('method-unknown', 501),
});

const registered = (method: string, reference: string): CorpusRow => ({
  id: `method-${method.toLowerCase().replaceAll('_', '-')}`,
  reference,
  bytes: head(`${method} /dav/a HTTP/1.1`, 'Host: www.example.net', 'Content-Length: 0'),
  expect: {
    verdict: 'allow',
    backend: { line: `${method} /dav/a HTTP/1.1`, host: 'www.example.net' },
  },
});

/** Methods that nobody registered, and the registered ones that few servers know. */
export const methods: CorpusRow[] = [
  unknown('foo', 'RFC 9110 section 9.1', 'FOO'),
  unknown('track', 'nmap http-trace', 'TRACK'),
  unknown('debug', 'nmap http-aspnet-debug', 'DEBUG'),
  unknown('rtsp-setup', 'RFC 2326 section 10.4', 'SETUP'),
  unknown('lower-case', 'RFC 9110 section 9.1', 'get'),
  unknown('random-word', 'scanners that compare answers', 'QBZX'),
  registered('VERSION-CONTROL', 'RFC 3253 section 3.5'),
  registered('CHECKIN', 'RFC 3253 section 4.4'),
  registered('UNCHECKOUT', 'RFC 3253 section 4.5'),
  registered('UPDATE', 'RFC 3253 section 7.1'),
  registered('LABEL', 'RFC 3253 section 8.2'),
  registered('MKWORKSPACE', 'RFC 3253 section 6.3'),
  registered('BASELINE-CONTROL', 'RFC 3253 section 12.6'),
  registered('ORDERPATCH', 'RFC 3648 section 7'),
  registered('MKREDIRECTREF', 'RFC 4437 section 6'),
  registered('RPC_IN_DATA', 'MS-RPCH section 2.1.2.1.1; Outlook Anywhere'),
  registered('BPROPPATCH', 'Exchange Server 2003, WebDAV'),
];
