import { hex, legitimate, own, utf8 } from './request.ts';
import type { CorpusRow } from './row.ts';

const host = `Host: ${own}`;

/** A request with a Content-Length. */
const sized = (
  id: string,
  method: string,
  type: string,
  body: string,
  reference: string,
  ...more: string[]
): CorpusRow =>
  legitimate({
    id: `body-${id}`,
    reference,
    head: [`${method} /a HTTP/1.1`, host, `Content-Type: ${type}`, `Content-Length: ${body.length}`, ...more],
    body,
  });

/** A request with chunked content; `content` is the decoded body. */
const chunked = (
  id: string,
  sent: string,
  content: string,
  reference: string,
  ...more: string[]
): CorpusRow =>
  legitimate({
    id: `body-chunked-${id}`,
    reference,
    head: ['POST /a HTTP/1.1', host, 'Content-Type: text/plain', 'Transfer-Encoding: chunked', ...more],
    body: sent,
    expect: { body: content },
  });

const form = 'application/x-www-form-urlencoded';
const everyByte = Array.from({ length: 256 }, (_, index) => String.fromCharCode(index)).join('');
const multipart =
  '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' +
  '--x\r\nContent-Disposition: form-data; name="f"; filename="a.bin"\r\nContent-Type: application/octet-stream\r\n\r\n' +
  '\x00\xff\r\n\r\n--x--\r\n';
const soap =
  '<?xml version="1.0"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body/></soap:Envelope>';

export const legitimateBodies: CorpusRow[] = [
  sized('form', 'POST', form, 'a=1&b=%20+&c=', 'HTML Standard, form submission'),
  sized('form-with-url', 'POST', form, 'url=http://www.example.com/&x=1', 'a contact form'),
  sized(
    'form-that-looks-like-an-attack',
    'POST',
    form,
    'comment=cat+/etc/passwd;+union+select+1',
    'a comment about security',
  ),
  sized('multipart', 'POST', 'multipart/form-data; boundary=x', multipart, 'RFC 7578'),
  sized('json', 'POST', 'application/json', utf8('{"größe":1}'), 'RFC 8259'),
  sized(
    'json-patch',
    'PATCH',
    'application/json-patch+json',
    '[{"op":"remove","path":"/a"}]',
    'RFC 6902',
    'If-Match: "1"',
  ),
  sized('put', 'PUT', 'text/plain', 'hello', 'RFC 9110 section 9.3.4', 'If-None-Match: *'),
  sized('put-range', 'PUT', 'text/plain', 'hello', 'RFC 9110 section 14.4', 'Content-Range: bytes 0-4/10'),
  sized('delete', 'DELETE', 'application/json', '{"id":1}', 'Elasticsearch clients'),
  sized('get', 'GET', 'application/json', '{"query":{}}', 'Elasticsearch clients'),
  sized('every-byte', 'POST', 'application/octet-stream', everyByte, 'RFC 9110 section 6.4'),
  sized(
    'request-inside',
    'POST',
    'message/http',
    'GET http://www.example.com/ HTTP/1.1\r\nHost: a\r\n\r\n',
    'RFC 9112 section 10.1',
  ),
  sized('mail-inside', 'POST', 'message/rfc822', 'EHLO a\r\nMAIL FROM:<a@example.org>\r\n.\r\n', 'mail APIs'),
  sized('large', 'POST', 'text/plain', 'x'.repeat(20_000), 'longer than a read of the evidence'),
  sized(
    'gzip',
    'POST',
    'text/plain',
    hex('1f8b0800000000000003cb48cdc9c90700 86a61036 05000000'),
    'RFC 9110 section 8.4',
    'Content-Encoding: gzip',
  ),
  sized(
    'soap',
    'POST',
    'text/xml; charset=utf-8',
    soap,
    'SOAP 1.1',
    'SOAPAction: "http://www.example.com/action"',
  ),
  sized(
    'xml-rpc',
    'POST',
    'text/xml',
    '<methodCall><methodName>pingback.ping</methodName></methodCall>',
    'XML-RPC',
  ),
  sized('graphql', 'POST', 'application/json', '{"query":"{ a(b: \\"c\\") { d } }"}', 'GraphQL over HTTP'),
  sized(
    'grpc-web',
    'POST',
    'application/grpc-web+proto',
    hex('00 00000007 0a05 68656c6c6f'),
    'gRPC-Web',
    'X-Grpc-Web: 1',
    'X-User-Agent: grpc-web-javascript/0.1',
  ),
  sized(
    'grpc-web-text',
    'POST',
    'application/grpc-web-text',
    'AAAAAAcKBWhlbGxv',
    'gRPC-Web',
    'Accept: application/grpc-web-text',
    'X-Grpc-Web: 1',
  ),
  sized('ocsp', 'POST', 'application/ocsp-request', hex('30 03 02 01 00'), 'RFC 6960 appendix A'),
  sized(
    'dns',
    'POST',
    'application/dns-message',
    hex('0000 0100 0001 0000 0000 0000 03777777 076578616d706c65 03636f6d 00 0001 0001'),
    'RFC 8484 section 4.1',
  ),
  sized('ipp', 'POST', 'application/ipp', hex('0101 000b 00000001 01 03'), 'RFC 8010'),
  sized(
    'resumable-upload',
    'PATCH',
    'application/offset+octet-stream',
    'hello',
    'tus 1.0.0',
    'Upload-Offset: 0',
    'Tus-Resumable: 1.0.0',
  ),
  sized('query', 'QUERY', form, 'q=foo&limit=10', 'the HTTP QUERY method'),
  legitimate({
    id: 'body-post-without-length',
    reference: 'RFC 9112 section 6.3: no framing header, no content',
    head: ['POST /a HTTP/1.1', host],
    body: '',
  }),
  legitimate({
    id: 'body-leading-zeros-in-length',
    reference: 'RFC 9110 section 8.6: 1*DIGIT',
    head: ['POST /a HTTP/1.1', host, 'Content-Length: 0005'],
    body: 'hello',
    // Some readers take a length with a leading zero for octal.
    expect: { has: { 'content-length': '5' } },
  }),
  legitimate({
    id: 'body-on-http10',
    reference: 'RFC 1945 section 7.2',
    head: ['POST /a HTTP/1.0', host, 'Content-Length: 5'],
    body: 'hello',
  }),
  legitimate({
    id: 'method-override',
    reference: 'Rails and old firewalls',
    head: ['POST /a HTTP/1.1', host, 'X-HTTP-Method-Override: PATCH', 'Content-Length: 2'],
    body: '{}',
  }),
  legitimate({
    id: 'delete-without-body',
    reference: 'RFC 9110 section 9.3.5',
    head: ['DELETE /a HTTP/1.1', host],
  }),
  chunked('one', '5\r\nhello\r\n0\r\n\r\n', 'hello', 'RFC 9112 section 7.1'),
  chunked('two', '5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n', 'hello world', 'RFC 9112 section 7.1'),
  chunked('none', '0\r\n\r\n', '', 'RFC 9112 section 7.1'),
  chunked('upper-case-size', 'A\r\n0123456789\r\n0\r\n\r\n', '0123456789', 'RFC 9112 section 7.1'),
  chunked('leading-zeros', '0005\r\nhello\r\n000\r\n\r\n', 'hello', 'RFC 9112 section 7.1: 1*HEXDIG'),
  chunked(
    'line-breaks-inside',
    '9\r\na\r\n0\r\n\r\nb\r\n0\r\n\r\n',
    'a\r\n0\r\n\r\nb',
    'RFC 9112 section 7.1',
  ),
  chunked('extension', '5;a=b\r\nhello\r\n0;c="d"\r\n\r\n', 'hello', 'RFC 9112 section 7.1.1'),
  chunked(
    'trailer',
    '5\r\nhello\r\n0\r\nX-Checksum: 1\r\n\r\n',
    'hello',
    'RFC 9112 section 7.1.2',
    'Trailer: X-Checksum',
  ),
  legitimate({
    id: 'body-chunked-upper-case-coding',
    reference: 'RFC 9112 section 7: coding names are not case sensitive',
    head: ['POST /a HTTP/1.1', host, 'Transfer-Encoding: Chunked'],
    body: '5\r\nhello\r\n0\r\n\r\n',
    expect: { body: 'hello' },
  }),
];
