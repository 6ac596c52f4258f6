import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AuditInputError, isNear, parsePorts, parseTarget } from '../../src/audit/target.ts';

for (const [text, name, port] of [
  ['www.example.net', 'www.example.net', null],
  ['WWW.example.net:8080', 'www.example.net', 8080],
  ['127.0.0.1:3128', '127.0.0.1', 3128],
  ['[::1]:80', '::1', 80],
  ['::1', '::1', null],
] as const) {
  test(`target ${text}`, () => assert.deepEqual(parseTarget(text), { name, port }));
}

for (const [text, message] of [
  ['', /an empty host/],
  ['http://www.example.net/', /HOST:PORT/],
  ['user@www.example.net', /userinfo/],
  ['host:99999', /port above 65535/],
  ['host:0', /port 0/],
] as const) {
  test(`target ${JSON.stringify(text)} is refused with a reason`, () => {
    assert.throws(
      () => parseTarget(text),
      (error) => error instanceof AuditInputError && message.test(error.message),
    );
  });
}

test('ports come with commas and several times', () => {
  assert.deepEqual(parsePorts(['80,443', '80', '3128']), [80, 443, 3128]);
  for (const bad of ['0', '70000', '80-90', '', 'http'])
    assert.throws(() => parsePorts([bad]), AuditInputError);
});

test('only loopback and private addresses need no proof', () => {
  for (const near of ['127.0.0.1', '::1', '10.1.2.3', '192.168.0.9', '172.16.0.1', 'fd12::1'])
    assert.ok(isNear(near));
  for (const far of [
    '192.0.2.1',
    '8.8.8.8',
    '2001:db8::1',
    '169.254.169.254',
    'fd00:ec2::254',
    'www.example.net',
  ]) {
    assert.ok(!isNear(far), far);
  }
});
