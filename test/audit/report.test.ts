import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Finding, Result } from '../../src/audit/finding.ts';
import { report } from '../../src/audit/report.ts';
import { exitCode, type Remarks, verdictLine } from '../../src/audit/verdict.ts';

const remarks: Remarks = { untested: [], slow: [], unheardPorts: [], paths: true };

const finding = (technique: Finding['technique'], result: Result, more: Partial<Finding> = {}): Finding => ({
  technique,
  target: '127.0.0.1:80',
  address: '127.0.0.1',
  result,
  why: 'status 405',
  fix: null,
  rule: technique.split('/')[0] as Finding['rule'],
  sent: '',
  ...more,
});

test('the verdict comes first and names the relayed techniques', () => {
  const findings = [
    finding('connect', 'refuses'),
    finding('absolute-form-foreign/http-1.0', 'relays', { fix: 'Apache: ProxyRequests Off; more' }),
    finding('absolute-form-foreign', 'relays', { fix: 'Apache: ProxyRequests Off' }),
  ];
  const lines = report('www.example.net', findings, remarks).split('\n');
  assert.match(lines[0]!, /^www\.example\.net RELAYS: 2 of 3 techniques .*absolute-form-foreign/);
  assert.ok(
    lines.findIndex((line) => /RELAYS +abs/.test(line)) <
      lines.findIndex((line) => /refuses +connect/.test(line)),
  );
  assert.equal(lines.filter((line) => line.includes('ProxyRequests Off')).length, 1);
});

test('an inconclusive result is not called safe, in words and exit code', () => {
  const verdictOf = (findings: Finding[], more: Partial<Remarks> = {}) => [
    verdictLine('x', findings, { ...remarks, ...more }),
    exitCode(findings, { ...remarks, ...more }),
  ];
  const closed = finding('connect', 'refuses');
  for (const [findings, more, words, code] of [
    [[closed], {}, /^x does not relay/, 0],
    [[closed, finding('connect/h2', 'relays')], {}, /^x RELAYS/, 1],
    [[closed, finding('connect/h2', 'relays'), finding('trace', 'unclear')], {}, /^x RELAYS.* 1 unclear/, 1],
    [[finding('connect', 'unclear')], {}, /no clear result.*1 of 1 technique is unclear/, 3],
    [[closed, finding('trace', 'unclear')], {}, /no clear result.*1 of 2 techniques is unclear \(trace\)/, 3],
    [[], {}, /no result, nothing could be tried/, 3],
    [[], { untested: ['nothing accepts'] }, /nothing accepts/, 3],
    [[closed], { untested: ['port 22 speaks something else'] }, /no complete result.*port 22/, 3],
  ] as const) {
    const [line, exit] = verdictOf([...findings], more);
    assert.match(String(line), words);
    assert.equal(exit, code, String(line));
    if (code !== 0) assert.doesNotMatch(String(line), /does not relay/);
  }
});

test('the limits of the verdict follow it', () => {
  const text = report('x', [finding('connect', 'unclear')], {
    untested: [],
    slow: ['port 80 is slow'],
    unheardPorts: ['port 443 (only root may listen there)'],
    paths: false,
  });
  for (const limit of [/^Port 80 is slow\.$/m, /port 443 \(only root/, /add --paths/])
    assert.match(text, limit);
  assert.doesNotMatch(report('x', [finding('connect', 'refuses')], remarks), /--paths|canary cannot/);
});

test('a target given by name is shown with its address', () => {
  const at = (target: string, address: string) =>
    report('x', [finding('connect', 'refuses', { target, address })], remarks);
  assert.match(at('localhost:80', '::1'), /^localhost:80 at ::1$/m);
  assert.match(at('127.0.0.1:80', '127.0.0.1'), /^127\.0\.0\.1:80$/m);
});

test('spellings with the same outcome share a row', () => {
  const text = report('x', [finding('connect', 'refuses'), finding('connect/http-1.0', 'refuses')], remarks);
  assert.match(text, /connect \(2 spellings\)/);
});

test("control characters in the server's answer do not reach the terminal", () => {
  const text = report('x', [finding('connect', 'refuses', { why: '\x1b[2Jgone\r\n' })], remarks, {
    color: true,
  });
  assert.ok(text.includes('\\x1b[2Jgone\\x0d\\x0a'));
  assert.ok(!text.includes('\x1b[2J'));
});
