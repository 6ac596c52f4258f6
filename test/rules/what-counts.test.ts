/** What counts towards a ban, and what a web page can make its visitors send: the same requests with and without a browser's marks. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { anyProtocol, type Conversation } from '../../src/decoys/conversation.ts';
import { mailConversation } from '../../src/decoys/mail-server.ts';
import { httpRefusals } from '../../src/decoys/refusals.ts';
import { judgeBytes } from '../../src/guard/bad-bytes.ts';
import { judge, type Verdict } from '../../src/judge.ts';
import type { HttpRequest } from '../../src/wire/http-request.ts';
import { parseRequestHead } from '../../src/wire/request-head.ts';
import { corpusPolicy } from '../support/policy.ts';

const { policy } = corpusPolicy();

/** Chromium over HTTP, where it sends no Sec-Fetch fields. */
const browser = [
  ...[
    'User-Agent',
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0',
  ],
  ...['Accept-Encoding', 'gzip, deflate', 'Accept-Language', 'en-GB,en;q=0.9'],
];
const tools = {
  curl: ['User-Agent', 'curl/8.14.1', 'Accept', '*/*'],
  'python-requests': [
    'User-Agent',
    'python-requests/2.32',
    'Accept-Encoding',
    'gzip, deflate',
    'Accept',
    '*/*',
  ],
  'a scanner that calls itself a browser': ['User-Agent', 'Mozilla/5.0 zgrab/0.x', 'Accept', '*/*'],
  'no header at all': [],
};

const anyDecoy = (): Conversation => anyProtocol(httpRefusals('plain', null));

/** The verdict of a decoy on everything that a client has sent. */
function askedOf(talk: Conversation, bytes: Buffer): Verdict {
  const step = talk.read(bytes, true);
  const [asked] = step.asked ?? [];
  assert.ok(asked?.kind === 'verdict');
  return asked.verdict;
}

const request = (host: string, marks: readonly string[], more: Partial<HttpRequest> = {}): HttpRequest => ({
  ...{ method: 'GET', target: '/', version: '1.1', rawHeaders: ['Host', host, ...marks] },
  ...more,
});
const counts = ({ signals }: Verdict): boolean => signals.some((signal) => signal.counts);

/** A request for our own site with this line in its head. */
function withLine(line: string, marks: readonly string[]): HttpRequest {
  const lines = ['GET / HTTP/1.1', 'Host: www.example.net', line];
  for (let i = 0; i < marks.length; i += 2) lines.push(`${marks[i]}: ${marks[i + 1]}`);
  return parseRequestHead(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'))!;
}

/** Blocked from any client; a page can make a browser send it. */
const byPages: readonly [string, (marks: readonly string[]) => HttpRequest][] = [
  ['an address of this server', (marks) => request('192.0.2.81', marks)],
  ['a foreign name whose address is ours', (marks) => request('cdn.example.com', marks)],
  [
    'another name of the certificate, on an HTTP/2 connection',
    (marks) => ({
      ...request('', marks, { version: '2.0', rawHeaders: [...marks] }),
      h2: { authority: 'other.example.org', scheme: 'https', protocol: null },
    }),
  ],
  [
    'a WebSocket over HTTP/2 to a site without one',
    (marks) => ({
      ...request('', marks, { method: 'CONNECT', version: '2.0', rawHeaders: [...marks] }),
      h2: { authority: 'static.example.net', scheme: 'https', protocol: 'websocket' },
    }),
  ],
  ['a name with a comma', (marks) => request('a,b.example.com', marks)],
  ['a name with a quotation mark', (marks) => request('a%22b.example.com', marks)],
  ['an unknown method', (marks) => request('www.example.net', marks, { method: 'patch' })],
  [
    'a count of hops from a script of ours',
    (marks) => request('www.example.net', [...marks, 'Max-Forwards', '0'], { method: 'OPTIONS' }),
  ],
  ['a length with an underscore', (marks) => request('www.example.net', [...marks, 'Content_Length', '1'])],
  ['a control character in a header', (marks) => withLine('X-A: \x01', marks)],
];

/** Requests that no page can make a browser send. */
const byProbesOnly: readonly [string, (marks: readonly string[]) => HttpRequest][] = [
  [
    'a foreign page in absolute-form',
    (marks) => request('www.example.com', marks, { target: 'http://www.example.com/' }),
  ],
  ['CONNECT', (marks) => request('a.example:443', marks, { method: 'CONNECT', target: 'a.example:443' })],
  ['a mail port of ours', (marks) => request('www.example.net:25', marks)],
  ['Proxy-Connection', (marks) => request('www.example.net', [...marks, 'Proxy-Connection', 'keep-alive'])],
  ['userinfo in the Host line', (marks) => request('www.example.net@www.example.com', marks)],
  ['two Host lines', (marks) => request('www.example.net', [...marks, 'Host', 'www.example.com'])],
  [
    'two lengths',
    (marks) => request('www.example.net', [...marks, 'Content-Length', '1', 'Content-Length', '2']),
  ],
  ['a blank before a colon', (marks) => withLine('Content-Length : 1', marks)],
  ['TRACE', (marks) => request('www.example.net', marks, { method: 'TRACE' })],
  [
    'a foreign host, and CONNECT on top of it',
    (marks) => request('www.example.com', marks, { method: 'CONNECT', target: 'www.example.com:25' }),
  ],
];

suite('what counts towards a ban', () => {
  for (const [what, make] of byPages) {
    test(`${what}: blocked, and does not count with the marks of a browser`, () => {
      const seen = judge(make(browser), policy);
      assert.equal(seen.action, 'block');
      assert.equal(counts(seen), false);
      assert.equal(counts(judge(make(['Sec-Fetch-Mode', 'no-cors']), policy)), false, 'over HTTPS');
    });
    for (const [tool, marks] of Object.entries(tools))
      test(`${what}: counts from ${tool}`, () => assert.equal(counts(judge(make(marks), policy)), true));
  }

  for (const [what, make] of byProbesOnly)
    test(`${what}: counts, even with the marks of a browser`, () =>
      assert.equal(counts(judge(make(browser), policy)), true));
});

suite('what counts among bytes that are no request', () => {
  test('a request without a method and without a defect does not count: the head was not read', () => {
    const seen = judge(request('www.example.net', [], { method: '' }), policy);
    assert.deepEqual([seen.rule, seen.action, counts(seen)], ['framing', 'block', false]);
  });

  const place = { whole: true, first: true };
  const overflow = (text: string): Verdict => {
    const error = Object.assign(new Error(), { code: 'HPE_HEADER_OVERFLOW', reason: 'Header overflow' });
    return judgeBytes(error, Buffer.from(text), place, policy);
  };

  test('a head that is too long does not count, wherever it was cut off', () => {
    const head = `GET /?q=${'a'.repeat(17_000)} HTTP/1.1\r\nHost: www.example.net\r\nCookie: a=b\r\n\r\n`;
    for (const end of [10_000, 17_010, 17_030, 17_045, 17_060]) {
      const seen = overflow(head.slice(0, end));
      assert.equal(seen.rule, 'header-overflow', String(end));
      assert.equal(counts(seen), false, String(end));
    }
    const spread = judgeBytes(
      Object.assign(new Error(), { code: 'HPE_HEADER_OVERFLOW' }),
      Buffer.from('aaaa'),
      { whole: false, first: false },
      policy,
    );
    assert.equal(spread.rule, 'header-overflow');
    assert.equal(counts(spread), false);
  });

  test('a request for a foreign page in a head that is too long counts', () => {
    const seen = overflow(`GET http://www.example.com/?${'a'.repeat(17_000)} HTTP/1.1\r\nHost: a`);
    assert.equal(seen.rule, 'absolute-form-foreign');
    assert.equal(counts(seen), true);
  });

  test('STUN does not count, with or without the length before it; other bytes do', () => {
    const stun = Buffer.from('000300242112a442000102030405060708090a0b', 'hex');
    const framed = Buffer.concat([Buffer.from([0, stun.length]), stun]);
    const error = new Error();
    for (const bytes of [stun, framed]) {
      const seen = judgeBytes(error, bytes, place, policy);
      assert.equal(seen.action, 'block');
      assert.equal(counts(seen), false);
      assert.equal(counts(askedOf(anyDecoy(), bytes)), false, 'on a decoy');
    }
    assert.equal(counts(judgeBytes(error, Buffer.from('000102', 'hex'), place, policy)), true);
  });

  test('a browser that follows a link to a decoy does not count; a proxy probe does', () => {
    const get = (target: string, marks: readonly string[]): Buffer => {
      const lines = marks.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${marks[i + 1]}`] : []));
      return Buffer.from(`GET ${target} HTTP/1.1\r\nHost: 192.0.2.80:8080\r\n${lines.join('\r\n')}\r\n\r\n`);
    };
    const seen = (bytes: Buffer): boolean => counts(askedOf(anyDecoy(), bytes));
    assert.equal(seen(get('/', browser)), false);
    assert.equal(seen(get('/', tools.curl)), true);
    assert.equal(seen(get('http://www.example.com/', browser)), true);
  });

  test('a form that a page posts to a mail decoy does not count as mail', () => {
    const lines = browser.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${browser[i + 1]}`] : []));
    const form = `POST / HTTP/1.1\r\nHost: 192.0.2.80:2525\r\n${lines.join('\r\n')}\r\nContent-Length: 60\r\n\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n`;
    assert.equal(counts(askedOf(mailConversation('[192.0.2.80]'), Buffer.from(form))), false);
  });
});
