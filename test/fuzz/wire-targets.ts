/** The readers of requests, responses and first bytes. */
import { isDeepStrictEqual } from 'node:util';
import { probeEvent } from '../../src/events/probe-event.ts';
import { explain } from '../../src/explain/explain.ts';
import { forwardedHead } from '../../src/forward/forwarded-head.ts';
import { clientOf, peerOf } from '../../src/guard/client.ts';
import { judge } from '../../src/judge.ts';
import { isMalformed, parseAuthority } from '../../src/wire/authority.ts';
import { ChunkedDecoder, wholeChunked } from '../../src/wire/chunked.ts';
import { classifyFirstBytes } from '../../src/wire/first-bytes.ts';
import { headerFacts, seen } from '../../src/wire/header-facts.ts';
import { plainHead } from '../../src/wire/plain-head.ts';
import { readProxyHeader } from '../../src/wire/proxy-protocol.ts';
import { parseRequestHead } from '../../src/wire/request-head.ts';
import { parseRequestTarget } from '../../src/wire/request-target.ts';
import { parseResponseHead } from '../../src/wire/response-head.ts';
import { parseSocks4, parseSocks5Greeting, parseSocks5Request } from '../../src/wire/socks.ts';
import { corpus } from '../corpus/corpus.ts';
import { trustedAddress } from '../support/gateway.ts';
import { corpusPolicy } from '../support/policy.ts';
import { must, type Target } from './target.ts';

const latin1 = (bytes: Buffer): string => bytes.toString('latin1');
const { policy, clients } = corpusPolicy();
const balancer = peerOf({ remoteAddress: trustedAddress }, clients);
const requests = corpus
  .map(({ bytes }) => Buffer.from(bytes, 'latin1'))
  .filter(({ length }) => length < 2000);
const targets = requests.map((bytes) => Buffer.from(latin1(bytes).split(/[ \r]/)[1] ?? '', 'latin1'));
const hosts = requests.flatMap((bytes) => {
  const host = /\r\nHost: *([^\r]*)/i.exec(latin1(bytes))?.[1];
  return host === undefined ? [] : [Buffer.from(host, 'latin1')];
});

const marks = [
  '\r\n',
  '\r',
  '\n',
  '\0',
  ' ',
  '\t',
  ':',
  ',',
  ';',
  '@',
  '/',
  '\\',
  '#',
  '?',
  '%',
  '[',
  ']',
  '..',
  '\xff',
  '\x7f',
];
const headWords = [
  ...marks,
  ...[
    'GET ',
    'POST ',
    'CONNECT ',
    'OPTIONS * ',
    ' HTTP/1.1\r\n',
    ' HTTP/1.0\r\n',
    '\r\n\r\n',
    'Host: ',
    'www.example.net',
    'evil.example',
  ],
  ...[
    'Content-Length: ',
    'Transfer-Encoding: ',
    'chunked',
    'Connection: ',
    'Upgrade: websocket',
    'Expect: 100-continue',
    'http://',
    'https://',
  ],
  ...[
    'X-Forwarded-For: ',
    'Forwarded: host=',
    'Proxy-Connection: ',
    'Max-Forwards: 0',
    '0\r\n\r\n',
    '[::1]',
    '127.0.0.1',
    ':80',
    'xn--',
    '%2e',
    '%00',
  ],
];
const kinds = (value: object | null): string =>
  value === null
    ? 'null'
    : Object.entries(value)
        .map(
          ([key, one]) =>
            `${key}=${one === null ? 'null' : typeof one === 'object' ? (Array.isArray(one) ? Math.min(one.length, 4) : 'object') : typeof one === 'number' ? Math.min(9, one) : typeof one === 'string' ? one.length === 0 : one}`,
        )
        .join();

export const wireTargets: readonly Target[] = [
  {
    name: 'request-head',
    seeds: requests,
    words: headWords,
    run: (input) => {
      const head = parseRequestHead(input);
      if (head === null) return 'null';
      const { method, target, targetAt, rawHeaders, valueAt, end, defects } = head;
      const text = latin1(input);
      must(end <= input.length, 'the end is inside');
      must(text.slice(targetAt, targetAt + target.length) === target, 'the target is at its offset');
      must(rawHeaders.length === valueAt.length * 2, 'every value has an offset');
      for (const [i, at] of valueAt.entries()) {
        const value = rawHeaders[i * 2 + 1]!;
        must(text.slice(at, at + value.length) === value, 'the value is at its offset');
      }
      for (const { at } of defects) must(at >= 0 && at <= input.length, 'a defect is inside');
      must(/^[!-~]+$/.test(method), 'the method is a token');
      const whys = new Set(defects.map(({ why }) => why));
      return `${head.complete} ${head.version.slice(0, 3)} ${[...whys].sort().join()} ${Math.min(valueAt.length, 3)}`;
    },
  },
  {
    name: 'plain-head',
    seeds: requests,
    words: headWords,
    run: (input) => {
      const plain = plainHead(input, latin1(input));
      if (plain === null) return 'null';
      const head = parseRequestHead(input);
      must(head?.complete === true && head.defects.length === 0, 'a plain head has no defects');
      const { method, target, version, rawHeaders, end, contentLength, close } = plain;
      must(
        isDeepStrictEqual(
          [method, target, version, rawHeaders, end],
          [head!.method, head!.target, head!.version, head!.rawHeaders, head!.end],
        ),
        'it is read as the strict reader reads it',
      );
      const { seen: found, underscored } = headerFacts(rawHeaders);
      // Framing fields with an underscore are refused by the judge, like other fields.
      const framing = underscored === -1 ? seen.framing : 0;
      must((found & (framing | seen.upgrade | seen.connectionOptions)) === 0, 'no field is about framing');
      must(
        rawHeaders.some((name, i) => i % 2 === 0 && /^transfer-encoding$/i.test(name)) ===
          (contentLength === -1),
        'chunks are reported',
      );
      return `${contentLength === 0} ${close} ${Math.min(9, rawHeaders.length)} ${found}`;
    },
  },
  {
    name: 'judge',
    seeds: requests,
    words: headWords,
    run: (input) => {
      const { verdict, signals } = explain(input, policy);
      for (const { offset, length } of signals)
        must(
          offset >= 0 && length >= 0 && offset + length <= input.length + 1,
          `a signal is inside: ${offset}+${length}`,
        );
      const head = parseRequestHead(input);
      if (verdict.action !== 'block' && head !== null) {
        must(verdict.site !== null, 'a request that passes has a site');
        must(/^(?:\/[!-~\x80-\xff]*|\*)$/.test(verdict.path), `the path is in origin form: ${verdict.path}`);
        must(/^[\w.:[\]-]+$/.test(verdict.host), `the host is plain: ${verdict.host}`);
        const sent = forwardedHead({
          ...head,
          ...{
            path: verdict.path,
            host: verdict.host,
            trusted: false,
            peer: '192.0.2.7',
            client: '192.0.2.7',
            secure: false,
            strip: verdict.strip,
          },
          ...{ length: null, closes: false, upgrade: verdict.upgrade, via: null },
        });
        const again = parseRequestHead(Buffer.from(sent, 'latin1'));
        must(
          again?.complete === true && again.defects.length === 0 && again.end === sent.length,
          'what is sent is one head',
        );
        must(again!.method === head.method && again!.target === verdict.path, 'the same method and path');
        const forwarded = judge(again!, policy);
        must(
          forwarded.action !== 'block' && forwarded.path === verdict.path,
          'what is sent would pass again',
        );
      }
      return `${verdict.action} ${verdict.signals
        .map(({ rule }) => rule)
        .sort()
        .join()}`;
    },
  },
  {
    name: 'probe-event',
    seeds: requests,
    words: [
      ...headWords,
      'Cookie: a=b',
      '?password=',
      '"token":"',
      'union+',
      "'+or+",
      '../',
      '<script',
      '(){:;',
      '//a@',
      'base64_',
    ],
    run: (input) => {
      const { verdict } = explain(input, policy);
      if (verdict.action === 'allow') return 'allow';
      const text = latin1(input);
      const event = probeEvent({
        ...{ time: 0, listener: 'http 127.0.0.1:80', client: '192.0.2.7', verdict },
        ...{ head: text, body: text },
      });
      must(/^[\x20-\x7e]*$/.test(JSON.stringify(event)), 'it is printable');
      return `${event.rule} ${event.intent} ${event.destination === null}`;
    },
  },
  {
    name: 'client-of',
    seeds: [
      '203.0.113.7',
      '203.0.113.7, 10.0.0.1',
      '"[2001:db8::5]:443", 192.0.2.9:5555',
      'for="[2001:db8::5]:443";proto=https, for=192.0.2.9',
      'unknown, _hidden',
    ].map((text) => Buffer.from(text)),
    words: [...marks, '203.0.113.7', '2001:db8::5', '::ffff:', 'for=', 'unknown', '_a', ', ', '"', '%eth0'],
    run: (input) => {
      const value = latin1(input);
      const read = ['X-Forwarded-For', 'Forwarded'].map((name) => {
        const { address, prefix, trusted } = clientOf(balancer, [name, value], clients);
        must(trusted, 'only the host that a trusted balancer names is believed');
        must(prefix === '' || !/[^0-9a-f.:/]/.test(prefix), `the prefix is one: ${prefix}`);
        return address === balancer.address;
      });
      return read.join();
    },
  },
  {
    name: 'request-target',
    seeds: targets,
    words: headWords,
    run: (input) => {
      const text = latin1(input);
      const target = parseRequestTarget('GET', text);
      if (!isMalformed(target)) {
        if (target.form === 'origin') must(text.startsWith('/'), 'origin-form begins with a slash');
        if (target.form === 'asterisk') must(text === '*', 'asterisk-form is an asterisk');
        must(!/[\0-\x20\x7f#]/.test(text), 'no white space, control or fragment is read');
      } else must(target.at >= 0 && target.at <= text.length, 'the offset is inside');
      parseRequestTarget('CONNECT', text);
      return isMalformed(target) ? target.malformed.slice(0, 40) : kinds(target);
    },
  },
  {
    name: 'authority',
    seeds: hosts,
    words: [
      ...marks,
      'www.example.net',
      'xn--',
      '0x7f',
      '127.1',
      '[2001:db8::1]',
      'v1.',
      ':80',
      ':65536',
      '%65',
    ],
    run: (input) => {
      const text = latin1(input);
      const authority = parseAuthority(text);
      if (isMalformed(authority)) {
        must(authority.at >= 0 && authority.at <= text.length, 'the offset is inside');
        return authority.malformed.slice(0, 40);
      }
      must(authority.port === null || (authority.port >= 0 && authority.port <= 65535), 'the port is valid');
      must(!/[\0-\x20/\\?#@\x7f]/.test(authority.host), 'the host holds no delimiter');
      const again = parseAuthority(authority.host);
      must(!isMalformed(again) && again.host === authority.host, 'the host reads back as itself');
      return kinds(authority);
    },
  },
  {
    name: 'chunked',
    seeds: [
      '5\r\nhello\r\n0\r\n\r\n',
      '1;a="b"\r\nx\r\n0\r\nX-T: y\r\n\r\n',
      '0\r\n\r\n',
      'A\r\n0123456789\r\n3\r\nabc\r\n0\r\nA: b\r\nC: d\r\n\r\nGET /',
    ].map((text) => Buffer.from(text)),
    words: [...marks, '0\r\n\r\n', '5\r\nhello\r\n', ';a=b', 'ffffffff', '0x', 'X: y\r\n', '-', '+'],
    read: (input) => decode([input]),
    run: (input) => {
      const whole = decode([input]);
      // The split depends only on the input, so that the same input gives the same result.
      const cut = input.reduce((sum, byte) => (sum * 31 + byte) % (input.length + 1), 7);
      must(
        isDeepStrictEqual(decode([input.subarray(0, cut), input.subarray(cut)]), whole),
        `the same in pieces, cut at ${cut}`,
      );
      must(
        isDeepStrictEqual(decode([...input].map((byte) => Buffer.of(byte))), whole),
        'the same byte by byte',
      );
      must(
        whole.data.length <= input.length && whole.consumed <= input.length,
        'no more comes out than goes in',
      );
      const content = wholeChunked(latin1(input), 0);
      must(
        content === null || (content === whole.data && whole.done && whole.consumed === input.length),
        'what is read in one piece is what the decoder reads',
      );
      return `${content !== null} ${whole.done} ${whole.error} ${Math.min(9, whole.trailers.length)} ${Math.min(20, whole.data.length)}`;
    },
  },
  {
    name: 'response-head',
    seeds: [
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: y\r\n\r\n',
      'HTTP/1.0 404 Not Found\nConnection : keep-alive\n\n',
      'HTTP/1.1 304\r\nTransfer-Encoding: chunked\r\nConnection: close, X\r\nX: y\r\n\r\n',
    ].map((text) => Buffer.from(text)),
    words: [...headWords, 'HTTP/1.1 ', '200', '101', '204', 'close', 'keep-alive'],
    run: (input) => {
      const head = parseResponseHead(input, latin1(input), 'GET');
      if (head === null || typeof head === 'string') return String(head);
      must(head.status >= 100 && head.status <= 999, 'the status is valid');
      must(head.rawHeaders.length % 2 === 0, 'names and values');
      must(!/[\r\n\0]/.test(head.rawHeaders.join('') + head.reason), 'no line end passes');
      must(Number.isSafeInteger(head.length) && head.length >= 0, 'the length is valid');
      return `${head.framing} ${head.keepAlive} ${Math.floor(head.status / 100)} ${Math.min(9, head.rawHeaders.length)}`;
    },
  },
  {
    name: 'first-bytes',
    seeds: [
      ...requests,
      Buffer.from('0d0a0d0a000d0a515549540a2111000c7f0000017f00000100500051', 'hex'),
      Buffer.from('050100', 'hex'),
      Buffer.from('0401005001020304003a00', 'hex'),
    ],
    words: [
      ...headWords,
      '\x04\x01',
      '\x05\x01\x00',
      '\x16\x03\x01',
      'EHLO ',
      'PROXY TCP4 ',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    ],
    run: (input) => {
      const kind = classifyFirstBytes(input);
      const proxy = readProxyHeader(input);
      if (typeof proxy === 'object')
        must(proxy.length > 0 && proxy.length <= input.length, 'the header is inside');
      const socks = [parseSocks4(input), parseSocks5Request(input)];
      for (const request of socks)
        if (request !== null) must(request.port >= 0 && request.port <= 65535, 'the port is valid');
      const greeting = parseSocks5Greeting(input);
      return `${kind} ${typeof proxy === 'object' ? kinds(proxy) : proxy} ${socks.map(kinds).join()} ${greeting === null}`;
    },
  },
];

function decode(pieces: readonly Buffer[]) {
  const decoder = new ChunkedDecoder();
  let data = '';
  let consumed = 0;
  for (const piece of pieces) {
    const taken = decoder.decode(piece, (run) => {
      data += run.toString('latin1');
    });
    consumed += taken;
    if (taken < piece.length) break;
  }
  const { done, error, trailers } = decoder;
  return { data, consumed, done, error, trailers: [...trailers] };
}
