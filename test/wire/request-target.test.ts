import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { isMalformed } from '../../src/wire/authority.ts';
import { parseRequestTarget, type RequestTarget } from '../../src/wire/request-target.ts';
import { nearTarget } from './arbitraries.ts';

const read = (target: string, method = 'GET'): RequestTarget => {
  const parsed = parseRequestTarget(method, target);
  assert.ok(!isMalformed(parsed), `${target}: ${JSON.stringify(parsed)}`);
  return parsed;
};

suite('a request-target', () => {
  for (const path of [
    '/',
    '/x?y',
    '//evil.example/',
    '/http://evil.example/',
    '/a;b/%2f/..',
    '/?u=http://a/',
    '/|{"^`',
  ]) {
    test(`${path} is origin-form, byte for byte`, () =>
      assert.deepEqual(read(path), { form: 'origin', path }));
  }

  for (const [target, method, scheme, host, port, path] of [
    ['http://www.example.com/index.html', 'GET', 'http', 'www.example.com', null, '/index.html'],
    ['http://www.example.net:80/x?y', 'GET', 'http', 'www.example.net', 80, '/x?y'],
    ['HTTPS://WWW.Example.NET', 'GET', 'https', 'www.example.net', null, '/'],
    ['http://a?b', 'GET', 'http', 'a', null, '/?b'],
    ['http://a', 'OPTIONS', 'http', 'a', null, '*'],
    ['http://a/', 'OPTIONS', 'http', 'a', null, '/'],
    ['http://[::1]:8080/x', 'GET', 'http', '[::1]', 8080, '/x'],
    ['http://a//b/../c', 'GET', 'http', 'a', null, '//b/../c'],
  ] as const)
    test(`${method} ${target} is absolute-form for ${host}`, () => {
      const parsed = read(target, method);
      assert.ok(parsed.form === 'absolute');
      assert.deepEqual(
        [parsed.scheme, parsed.authority?.host, parsed.authority?.port, parsed.path],
        [scheme, host, port, path],
      );
      assert.match(
        target.slice(parsed.authorityStart, parsed.authorityEnd),
        new RegExp(host.replaceAll(/[[\]]/g, '\\$&'), 'i'),
      );
    });

  for (const [target, scheme, rest] of [
    ['ftp://a.example/x', 'ftp', 'a.example'],
    ['gopher://a.example:70/', 'gopher', 'a.example:70'],
    ['unix:/run/x.sock', 'unix', ''],
    ['FILE:///etc/passwd', 'file', ''],
    ['urn:isbn:1', 'urn', 'isbn:1'],
  ] as const)
    test(`${target} has the scheme ${scheme}, and no authority is read`, () => {
      const parsed = read(target);
      assert.ok(parsed.form === 'absolute');
      assert.deepEqual([parsed.scheme, parsed.authority], [scheme, null]);
      assert.equal(target.slice(parsed.authorityStart, parsed.authorityEnd), rest);
    });

  test('CONNECT takes authority-form and nothing else', () => {
    assert.deepEqual(read('mail.example.com:25', 'CONNECT'), {
      form: 'authority',
      authority: { host: 'mail.example.com', kind: 'name', port: 25, userinfo: null },
    });
    for (const target of ['/', 'http://a/', 'a/b', '']) {
      assert.ok(isMalformed(parseRequestTarget('CONNECT', target)), target);
    }
  });

  test('* is for OPTIONS', () => {
    assert.deepEqual(read('*', 'OPTIONS'), { form: 'asterisk' });
    assert.ok(isMalformed(parseRequestTarget('GET', '*')));
  });

  for (const [target, why, at] of [
    ['', /neither a path nor a URL/, 0],
    ['@evil.example/', /neither/, 0],
    ['\\evil.example\\x', /neither/, 0],
    ['?x', /neither/, 0],
    ['www.example.net:443', /authority-form/, 0],
    ['www.example.net', /neither/, 0],
    ['http:/10.0.0.1/', /without \/\//, 5],
    ['http:evil.example', /without \/\//, 5],
    ['http:///x', /empty host/, 7],
    ['http://', /empty host/, 7],
    ['http://a@b@c/', /second @/, 10],
    ['http://a:x/', /port/, 9],
    ['http://a\\b/', /\\/, 8],
    ['/a#b', /fragment/, 2],
    ['/a b', /control/, 2],
    ['/a\tb', /control/, 2],
    ['/a\0b', /control/, 2],
    ['/a\x7f', /control/, 2],
  ] as const)
    test(`${JSON.stringify(target)} is malformed`, () => {
      const parsed = parseRequestTarget('GET', target);
      assert.ok(isMalformed(parsed), JSON.stringify(parsed));
      assert.match(parsed.malformed, why);
      assert.equal(parsed.at, at);
    });

  test('any text in any method gives a form, or an offset into the text', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('GET', 'OPTIONS', 'CONNECT', 'POST', '', 'connect'),
        nearTarget,
        (method, target) => {
          const parsed = parseRequestTarget(method, target);
          if (isMalformed(parsed)) {
            assert.ok(parsed.at >= 0 && parsed.at <= target.length, `${parsed.at} in ${target}`);
            return;
          }
          // Decoded, it is the bytes that were sent.
          if (parsed.form === 'origin') assert.equal(raw(parsed.path), raw(target));
          if (parsed.form !== 'absolute') return;
          assert.ok(0 <= parsed.authorityStart && parsed.authorityStart <= parsed.authorityEnd);
          assert.ok(parsed.authorityEnd <= target.length);
          // The forwarded target is origin-form, which can name no host.
          assert.ok(
            parsed.path.startsWith('/') || (parsed.path === '*' && method === 'OPTIONS'),
            parsed.path,
          );
          assert.ok(raw(target).endsWith(raw(parsed.path).slice(1)), 'the path is a piece of the target');
        },
      ),
      { numRuns: 5000 },
    );
  });
});

const raw = (text: string): string =>
  text.replace(/%([89A-F][0-9A-F])/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
