import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AuditInputError, addressesOf, isNear, parsePorts, parseTarget } from '../../src/audit/target.ts';

for (const [text, name, ports, path = null] of [
  ['www.example.net', 'www.example.net', []],
  ['WWW.example.net:8080', 'www.example.net', [8080]],
  ['127.0.0.1:3128', '127.0.0.1', [3128]],
  ['[::1]:80', '::1', [80]],
  ['::1', '::1', []],
  ['2001:db8::1', '2001:db8::1', []],
  ['www.example.net:80,81', 'www.example.net', [80, 81]],
  ['http://www.example.net', 'www.example.net', [80]],
  ['https://www.example.net/', 'www.example.net', [443]],
  ['HTTP://[::1]:8080/', '::1', [8080]],
  ['smtp://mx.example.net', 'mx.example.net', [25]],
  ['socks5://127.0.0.1', '127.0.0.1', [1080]],
  ['http://127.0.0.1:8080/proxy?url=', '127.0.0.1', [8080], '/proxy?url='],
  ['http://127.0.0.1?u=#here', '127.0.0.1', [80], '/?u='],
  ['例え.jp', 'xn--r8jz45g.jp', []],
  ['例え。jp:8080', 'xn--r8jz45g.jp', [8080]],
  [' www.example.net ', 'www.example.net', []],
] as const) {
  test(`target ${text}`, () => assert.deepEqual(parseTarget(text), { name, ports: [...ports], path }));
}

for (const [text, message] of [
  ['', /an empty host/],
  ['http:///', /an empty host/],
  ['user@www.example.net', /give the host alone: www\.example\.net/],
  ['host:99999', /"99999" is no port/],
  ['host:0', /"0" is no port/],
  ['host:http', /"http" is no port; give HOST/],
  ['host:', /"" is no port/],
  ['::1:8080', /write \[::1\]:8080 or \[::1:8080\]/],
  ['2001:db8::1:25', /write \[2001:db8::1\]:25/],
  ['www.example.net/page', /write http:\/\/www\.example\.net\/page/],
  ['10.0.0.0/24', /one server at a time: give one/],
  ['ftp://www.example.net/', /http, https, socks5, smtp/],
  ['a..b', /an empty label/],
] as const) {
  test(`target ${JSON.stringify(text)} is refused with a fix`, () => {
    assert.throws(
      () => parseTarget(text),
      (error) => error instanceof AuditInputError && message.test(error.message),
    );
  });
}

test('localhost resolves to both loopback addresses', async () => {
  const found = await addressesOf('localhost');
  assert.ok(found.includes('127.0.0.1') && found.includes('::1'), found.join());
});

test('ports may be lists and may repeat', () => {
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
