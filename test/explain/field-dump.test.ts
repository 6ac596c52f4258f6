/** An HTTP/2 request as lines of fields is judged as by the gateway, with every signal in its place. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { explain } from '../../src/explain/explain.ts';
import { readInput } from '../../src/explain/input.ts';
import { corpusPolicy } from '../support/policy.ts';

const { policy } = corpusPolicy();
const own = ':method: GET\n:scheme: https\n:authority: www.example.net\n:path: /a\n';

function explained(text: string): { rules: string[]; marked: string[]; action: string } {
  const { bytes } = readInput(Buffer.from(text, 'latin1'));
  const { verdict, signals } = explain(bytes, policy);
  return {
    action: verdict.action,
    rules: signals.map(({ rule }) => rule),
    marked: signals.map(({ offset, length }) =>
      bytes.toString('latin1', offset, offset + Math.max(length, 4)),
    ),
  };
}

suite('explain: HTTP/2 fields', () => {
  test('an ordinary request', () => {
    assert.deepEqual(explained(`${own}accept: */*\ncookie: a=b\ncookie: c=d\n`), {
      action: 'allow',
      rules: [],
      marked: [],
    });
  });

  for (const [what, text, rules, marked] of [
    ['a foreign authority', own.replace('www.example.net', 'www.example.com'), ['host-foreign'], ['www.']],
    ['a CONNECT', ':method: CONNECT\n:authority: mail.example.com:25\n', ['connect'], ['CONNECT']],
    ['a connection-specific field', `${own}accept: */*\nconnection: close\n`, ['framing'], ['conn']],
    ['a second :path', `${own}:path: /b\n`, ['framing'], [':pat']],
    [
      'a field after split cookies',
      `${own}cookie: a\ncookie: b\nproxy-authorization: Basic eA==\n`,
      ['proxy-authorization'],
      ['Basic eA=='],
    ],
    ['an upper-case name', `${own}X-A: b\n`, ['framing'], ['X-A:']],
    [
      'an event of the gateway',
      'GET /a HTTP/2.0\r\n:authority: www.example.com\r\naccept: */*\r\n\r\n',
      ['host-foreign'],
      ['www.'],
    ],
    [
      'an event of a malformed request',
      `GET /a HTTP/2.0\r\n${own.replaceAll('\n', '\r\n')}upgrade: h2c\r\n`,
      ['framing', 'upgrade-unknown'],
      ['upgr', 'h2c'],
    ],
  ] as const) {
    test(what, () => {
      const { rules: seen, marked: shown } = explained(text);
      assert.deepEqual([seen, shown.map((one, i) => one.slice(0, marked[i]?.length))], [rules, marked]);
    });
  }

  test('a line without a field is malformed, and nothing throws', () => {
    assert.deepEqual(explained(`${own}nonsense\n`).rules, ['framing']);
    assert.equal(explained(':method: GET').action, 'block');
    assert.equal(explained('GET /a HTTP/2').action, 'block');
  });
});
