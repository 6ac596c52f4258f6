import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Finding, Result } from '../../src/audit/finding.ts';
import { report, verdictLine } from '../../src/audit/report.ts';

const finding = (technique: Finding['technique'], result: Result, more: Partial<Finding> = {}): Finding => ({
  technique,
  target: '127.0.0.1:80',
  result,
  why: 'status 405',
  fix: null,
  rule: technique.split('/')[0] as Finding['rule'],
  sent: '',
  ...more,
});

test('the verdict comes first and names what goes through', () => {
  const findings = [
    finding('connect', 'refuses'),
    finding('absolute-form-foreign/http-1.0', 'relays', { fix: 'Apache: ProxyRequests Off; more' }),
    finding('absolute-form-foreign', 'relays', { fix: 'Apache: ProxyRequests Off' }),
  ];
  const lines = report('www.example.net', findings).split('\n');
  assert.match(lines[0]!, /^www\.example\.net RELAYS: 2 of 3 techniques .*absolute-form-foreign/);
  assert.ok(
    lines.findIndex((line) => /RELAYS +abs/.test(line)) <
      lines.findIndex((line) => /refuses +connect/.test(line)),
  );
  assert.equal(lines.filter((line) => line.includes('ProxyRequests Off')).length, 1);
});

test('nothing proven is not called safe', () => {
  assert.match(verdictLine('x', [finding('connect', 'unclear')]), /nothing is proven/);
  assert.match(verdictLine('x', []), /nothing could be tried/);
  assert.match(verdictLine('x', [finding('connect', 'refuses')]), /does not relay/);
  assert.match(verdictLine('x', [finding('connect', 'refuses'), finding('trace', 'unclear')]), /1 unclear/);
});

test('spellings that ended alike share a row', () => {
  const text = report('x', [finding('connect', 'refuses'), finding('connect/http-1.0', 'refuses')]);
  assert.match(text, /connect \(2 spellings\)/);
});

test("the server's words cannot drive the terminal", () => {
  const text = report('x', [finding('connect', 'refuses', { why: '\x1b[2Jgone\r\n' })], { color: true });
  assert.ok(text.includes('\\x1b[2Jgone\\x0d\\x0a'));
  assert.ok(!text.includes('\x1b[2J'));
});
