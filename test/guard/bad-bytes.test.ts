/** The verdict on bytes that Node's parser refused: always a block, and counted only for what no browser sends. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { judgeBytes, type ParserError } from '../../src/guard/bad-bytes.ts';
import { corpusPolicy } from '../support/policy.ts';

const { policy } = corpusPolicy();
const whole = { whole: true, first: false };

function judged(text: string, error: Partial<ParserError> = {}, place = whole) {
  const bytes = Buffer.from(text, 'latin1');
  const { action, signals } = judgeBytes(
    { ...new Error('refused'), ...error } as never,
    bytes,
    place,
    policy,
  );
  assert.equal(action, 'block');
  return { signals, rules: signals.map(({ rule, counts }) => `${rule}${counts ? ' counts' : ''}`) };
}

const fine = 'GET / HTTP/1.1\r\nHost: www.example.net\r\n\r\n';

suite('refused bytes', () => {
  test('are blocked even if our own reader finds nothing wrong, and counted unless only Node refuses them', () => {
    assert.deepEqual(judged(fine, { code: 'HPE_INVALID_CONSTANT' }).rules, ['framing counts']);
    assert.deepEqual(judged(fine).rules, ['framing counts']);
    for (const code of ['HPE_INVALID_URL', 'HPE_INVALID_METHOD'])
      assert.deepEqual(judged(fine, { code }).rules, ['framing'], code);
  });

  test('that our reader refuses too get its verdict', () => {
    const connect = 'CONNECT mail.example.com:25 HTTP/1.1\r\nHost: mail.example.com:25\r\n\r\n';
    assert.deepEqual(judged(connect, { code: 'HPE_INVALID_URL' }).rules[0], 'connect counts');
    assert.deepEqual(judged(connect, {}, { whole: false, first: false }).rules, ['framing counts']);
  });

  test('that overflow are judged by their request line alone: fields that seem missing may be in the rest', () => {
    const code = 'HPE_HEADER_OVERFLOW';
    assert.deepEqual(judged('GET / HTTP/1.1\r\nX: xxxx', { code }).rules, ['header-overflow']);
    assert.deepEqual(judged('GET http://www.example.com/ HTTP/1.1\r\nX: x', { code }).rules, [
      'absolute-form-foreign counts',
      'header-overflow',
    ]);
    assert.deepEqual(judged('xxxx', { code }, { whole: false, first: false }).rules, ['header-overflow']);
  });

  test('are another protocol only at the start of a connection', () => {
    assert.deepEqual(judged('\x05\x01\x00', {}, { whole: true, first: true }).rules, ['socks5 counts']);
    assert.deepEqual(judged('\x05\x01\x00').rules, ['framing counts']);
  });

  test('are shown from the place of the fault, counted from the start of the message', () => {
    const start = (error: Partial<ParserError>) => {
      const { evidence } = judged(fine, error, { whole: false, first: false }).signals[0]!;
      return 'start' in evidence ? evidence.start : null;
    };
    const rawPacket = Buffer.alloc(fine.length + 40);
    assert.equal(start({ bytesParsed: 50, rawPacket }), 10);
    assert.equal(start({ bytesParsed: 30, rawPacket }), 0);
    assert.equal(start({ bytesParsed: 7 }), 7);
    assert.equal(start({}), 0);
  });
});
