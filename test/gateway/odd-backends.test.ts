/**
 * Backends that write unusual HTTP/1.1. What RFC 9112 lets a proxy accept is accepted, as nginx, HAProxy and Apache do; the rest is
 * refused at once, with a log line that says what was wrong.
 */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { after, suite, test } from 'node:test';
import { config, get, hostLine, ok } from '../support/behind-gateway.ts';
import { runGateway } from '../support/gateway.ts';
import { rawBackend } from '../support/raw-backend.ts';
import { exchange } from '../support/raw-client.ts';
import { rawConnection } from '../support/raw-connection.ts';

const owner = { after };
const crashes: unknown[] = [];
process.on('uncaughtExceptionMonitor', (error) => crashes.push(error));
process.on('warning', (warning) => crashes.push(warning));
after(() => assert.deepEqual(crashes, [], 'nothing crashed or warned'));

let answer = '';
let piecemeal = false;
/** The connection of the last answer. */
let answering: Socket | null = null;
const backend = await rawBackend(owner, ({ socket, text }) => {
  let answered = 0;
  socket.on('data', async () => {
    const rest = text().slice(answered);
    if (!/(?:\r\n\r\n|\r\n\r\nbody)$/.test(rest)) return;
    if (/^transfer-encoding/im.test(rest) && !rest.endsWith('0\r\n\r\n')) return;
    if (/^content-length: 4/im.test(rest) && !rest.endsWith('body')) return;
    answered = text().length;
    answering = socket;
    const bytes = rest.startsWith('GET /next ') ? ok : answer;
    if (!piecemeal) socket.write(bytes, 'latin1');
    else
      for (const byte of bytes) {
        socket.write(byte, 'latin1');
        await new Promise(setImmediate);
      }
  });
});
// The timeouts are minutes: an immediate answer does not come from a timeout.
const { port, log } = await runGateway(owner, config(backend.url));

const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
const fields = (...lines: string[]): string => ['HTTP/1.1 200 OK', ...lines, '', 'ok'].join('\r\n');
const length = 'Content-Length: 2';
/** The two code paths: small requests, and those whose body does not fit one packet. */
const requests = {
  'a GET': [get],
  'a chunked POST': [
    `POST / HTTP/1.1\r\n${hostLine}Transfer-Encoding: chunked\r\n\r\n4\r\nbo`,
    'dy\r\n0\r\n\r\n',
  ],
};
const next = get.replace('GET / ', 'GET /next ');

/** With the clause that lets a proxy accept it. */
const read: readonly (readonly [what: string, bytes: string, body?: string])[] = [
  ['a head whose lines all end in LF (section 2.2)', fields(length).replaceAll('\r', '')],
  ['a head of which one line ends in LF', fields('A: b\nX-B: c', length)],
  ['a head whose last line alone ends in LF', `HTTP/1.1 200 OK\r\n${length}\r\n\nok`],
  [
    'a chunked body after a head whose lines all end in LF',
    `${chunked.replaceAll('\r', '')}2\r\nok\r\n0\r\n\r\n`,
  ],
  ['a chunk size padded with spaces (section 7.1, BWS)', `${chunked}2   \r\nok\r\n0   \r\n\r\n`],
  ['a chunk size padded with a tab', `${chunked}2\t\r\nok\r\n0\r\n\r\n`],
  ['a chunk extension after spaces (section 7.1.1)', `${chunked}2 ; a = "b"\r\nok\r\n0\r\n\r\n`],
  ['a chunk size with many zeros', `${chunked}00000000000000002\r\nok\r\n00000000000000000\r\n\r\n`],
  ['upper-case chunk sizes', `${chunked}0A\r\n0123456789\r\n0\r\n\r\n`, '0123456789'],
  ['a space before a colon (section 5.1)', fields('X-A : b', length)],
  ['a tab before a colon', fields('X-A\t: b', length)],
  ['a space before the colon of Content-Length', fields('Content-Length : 2')],
  [
    'a space before the colon of Transfer-Encoding',
    `${chunked.replace('Encoding:', 'Encoding :')}2\r\nok\r\n0\r\n\r\n`,
  ],
  ['the same Content-Length in two lines', fields(length, length)],
  ['a Content-Length with zeros', fields('Content-Length: 0002')],
  ['a later minor version (RFC 9110 section 2.5)', fields(length).replace('HTTP/1.1', 'HTTP/1.2')],
  ['no reason', fields(length).replace(' OK', ' ')],
  ['neither a reason nor its space', fields(length).replace(' OK', '')],
  ['a reason in Latin-1', fields(length).replace('OK', 'D\xe9j\xe0 vu')],
  ['no white space after a colon', fields('X-A:b', 'Content-Length:2')],
  ['an empty value', fields('X-A:', length)],
  ['a value in Latin-1', fields('X-A: \xe9t\xe9', length)],
  ['white space after a Content-Length', fields('Content-Length: 2 \t')],
  ['a coding in upper case', `${chunked.replace('chunked', 'Chunked')}2\r\nok\r\n0\r\n\r\n`],
  [
    '100 and other 1xx without an Expect',
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n${ok}`,
  ],
  ['a head of 20 KB', fields(`X-A: ${'a'.repeat(20_000)}`, length)],
  ['HTTP/1.0 with keep-alive', fields('Connection: keep-alive', length).replace('1.1', '1.0')],
  ['an empty line after its body', `${fields(length)}\r\n`],
];

for (const [kind, request] of Object.entries(requests))
  for (const slowly of [false, true])
    suite(`${slowly ? 'byte by byte, ' : ''}to ${kind}, a backend may write`, () => {
      for (const [what, bytes, body = 'ok'] of read)
        if (!slowly || bytes.length < 1000)
          test(what, async () => {
            answer = bytes;
            piecemeal = slowly;
            const reply = await exchange(port, request, { until: 1, timeout: 20_000 });
            assert.deepEqual(
              reply.responses
                .filter(({ status }) => status >= 200)
                .map((one) => [one.status, one.body.toString()]),
              [[200, body]],
              reply.text || String(log.at(-1)),
            );
            // The client gets it in correct form.
            assert.doesNotMatch(reply.text, /[^\r]\n|\r(?!\n)|[ \t]:|(?:^|\n)[0-9a-f]+[ \t]/i);
            const after = await exchange(port, next, { until: 1, timeout: 20_000 });
            assert.equal(after.responses[0]?.body.toString(), 'ok', 'the next request is served');
          });
    });

/** Answers without a body, whatever their fields say (section 6.3). */
const bodiless: readonly (readonly [what: string, method: string, bytes: string, status: number])[] = [
  ['204 with a Content-Length', 'GET', 'HTTP/1.1 204 Done\r\nContent-Length: 2\r\n\r\n', 204],
  ['204 with Content-Length 0', 'GET', 'HTTP/1.1 204 Done\r\nContent-Length: 0\r\n\r\n', 204],
  ['204 that says chunked', 'GET', 'HTTP/1.1 204 Done\r\nTransfer-Encoding: chunked\r\n\r\n', 204],
  ['304 with the length of the page', 'GET', 'HTTP/1.1 304 Same\r\nContent-Length: 2\r\n\r\n', 304],
  ['304 that says chunked', 'GET', 'HTTP/1.1 304 Same\r\nTransfer-Encoding: chunked\r\n\r\n', 304],
  ['an answer to HEAD with a length', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n', 200],
  ['an answer to HEAD that says chunked', 'HEAD', chunked, 200],
  ['an answer to HEAD without either', 'HEAD', 'HTTP/1.1 200 OK\r\n\r\n', 200],
];
suite('an answer without a body ends after its head:', () => {
  for (const [what, method, bytes, status] of bodiless)
    test(what, async () => {
      answer = bytes;
      piecemeal = false;
      const ask = `${method} / HTTP/1.1\r\n${hostLine}\r\n`;
      const reply = await exchange(port, [ask, next], {
        until: 2,
        inTurn: true,
        methods: [method, 'GET'],
        timeout: 20_000,
      });
      assert.deepEqual(
        reply.responses.map((one) => one.status),
        [status, 200],
        reply.text,
      );
      if (status === 204) assert.equal(reply.responses[0]!.headers.get('content-length'), undefined);
    });
});

/** What no clause allows, with a word that the log line must contain. */
const refused: readonly (readonly [what: string, bytes: string, told: RegExp])[] = [
  ['a bare CR in a value', fields('A: b\rSet-Cookie: evil=1', length), /CR|carriage|control/i],
  ['NUL in a value', fields('A: b\0c', length), /control/i],
  ['a folded line (section 5.2)', fields('A: b', ' c', length), /fold|name|colon/i],
  ['a line that begins with a space', fields(' A: b', length), /fold|name|colon/i],
  ['a name with a space in it', fields('X A: b', length), /name/i],
  ['a line without a colon', fields('foo', length), /colon/i],
  ['a line without a name', fields(': b', length), /name/i],
  ['two lengths', fields(length, 'Content-Length: 3'), /length/i],
  ['two lengths in a line', fields('Content-Length: 2, 3'), /length/i],
  [
    'one length twice in a line (RFC 9110 section 8.6 leaves it open)',
    fields('Content-Length: 2, 2'),
    /length/i,
  ],
  ['two spaces before the status', fields(length).replace('HTTP/1.1 ', 'HTTP/1.1  '), /status line/i],
  ['a length with a sign', fields('Content-Length: +2'), /length/i],
  ['an empty length', fields('Content-Length: '), /length/i],
  ['length and chunked', fields(length, 'Transfer-Encoding: chunked'), /length|encoding/i],
  ['a coding that is none', fields('Transfer-Encoding: identity', length), /length|encoding/i],
  ['chunked twice', fields('Transfer-Encoding: chunked, chunked'), /encoding/i],
  ['gzip, chunked', fields('Transfer-Encoding: gzip, chunked'), /encoding/i],
  ['HTTP/2 in words', fields(length).replace('HTTP/1.1', 'HTTP/2.0'), /status line/i],
  ['a protocol in lower case', fields(length).replace('HTTP', 'http'), /status line/i],
  ['ICY', fields(length).replace('HTTP/1.1', 'ICY'), /status line/i],
  ['a status of four digits', fields(length).replace('200', '2000'), /status line/i],
  ['a status below 100', fields(length).replace('200', '099'), /status line/i],
  ['HTTP/0.9', '<html>hello</html>\n', /status line|HTTP/i],
  ['the greeting of a mail server', '220 mail.example.net ESMTP\r\n', /status line|HTTP/i],
  ['the greeting of an SSH server', 'SSH-2.0-OpenSSH_9.2\r\n', /status line|HTTP/i],
  ['a TLS alert', '\x15\x03\x01\x00\x02\x02\x46', /status line|HTTP|TLS/i],
];
for (const [kind, request] of Object.entries(requests))
  suite(`to ${kind}, a backend may not write`, () => {
    for (const [what, bytes, told] of refused)
      test(`${what}: 502 at once, and the log says so`, async () => {
        answer = bytes;
        piecemeal = false;
        const before = log.length;
        const reply = await exchange(port, request, { until: 1, timeout: 20_000 });
        assert.equal(reply.responses[0]?.status, 502, `${reply.ended} ${reply.text}`);
        assert.doesNotMatch(reply.text, /evil/);
        const lines = log.slice(before).map((line) => JSON.parse(line).msg as string);
        assert.match(lines.find((line) => line.includes('answered with')) ?? lines.join(), told);
      });
  });

/** Once the head is sent, the gateway can only break off and log why. */
const brokenChunks: readonly (readonly [what: string, bytes: string])[] = [
  ['a size line that ends in LF alone', '2\nok\r\n0\r\n\r\n'],
  ['data that ends in LF alone', '2\r\nok\n0\r\n\r\n'],
  ['a size after a space', ' 2\r\nok\r\n0\r\n\r\n'],
  ['a size with 0x', '0x2\r\nok\r\n0\r\n\r\n'],
  ['a size with a sign', '+2\r\nok\r\n0\r\n\r\n'],
  ['no size', '\r\nok\r\n0\r\n\r\n'],
  ['more data than its size', '2\r\nokay\r\n0\r\n\r\n'],
  ['a size beyond what a number holds', 'fffffffffffffffff\r\nok\r\n0\r\n\r\n'],
  ['spaces in the middle of a size', '2 0\r\nok\r\n0\r\n\r\n'],
];
suite('a chunked body with', () => {
  for (const [what, bytes] of brokenChunks)
    for (const together of [true, false])
      test(`${what} does not look complete, ${together ? 'with' : 'after'} its head; the log says why`, async (t) => {
        const before = log.length;
        answer = together ? chunked + bytes : chunked;
        piecemeal = false;
        const client = await rawConnection(t, port);
        client.socket.write(get.replace('\r\n', '\r\nConnection: close\r\n'));
        if (!together) {
          await client.until(/\r\n\r\n/);
          answering!.write(bytes);
        }
        await client.ended;
        assert.match(client.text(), together ? /^(?:$|HTTP\/1\.1 502 )/ : /^HTTP\/1\.1 200 /);
        assert.doesNotMatch(client.text(), /\r\n0\r\n\r\n$/, 'the end of a chunked body');
        assert.match(log.slice(before).join('\n'), /answered with .*(?:chunk|CR|LF)/);
      });
});
