import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { domainToASCII } from 'node:url';
import fc from 'fast-check';
import { type Authority, isMalformed, parseAuthority } from '../../src/wire/authority.ts';
import { utf8 } from '../corpus/request.ts';
import { latin1, nearAuthority } from './arbitraries.ts';

const read = (text: string): Authority => {
  const authority = parseAuthority(text);
  assert.ok(!isMalformed(authority), `${JSON.stringify(text)}: ${JSON.stringify(authority)}`);
  return authority;
};

suite('an authority', () => {
  for (const [text, host, port, kind] of [
    ['www.example.net', 'www.example.net', null, 'name'],
    ['WWW.Example.NET', 'www.example.net', null, 'name'],
    ['www.example.net.', 'www.example.net', null, 'name'],
    ['www.example.net.:80', 'www.example.net', 80, 'name'],
    ['www.example.net:8080', 'www.example.net', 8080, 'name'],
    ['www.example.net:', 'www.example.net', null, 'name'],
    ['www.example.net:00080', 'www.example.net', 80, 'name'],
    ['www.example.net:65535', 'www.example.net', 65535, 'name'],
    ['www%2Eexample%2enet', 'www.example.net', null, 'name'],
    ['%77ww.example.net', 'www.example.net', null, 'name'],
    ['a_b-c.example', 'a_b-c.example', null, 'name'],
    [utf8('bücher.example.net'), 'xn--bcher-kva.example.net', null, 'name'],
    [utf8('BÜCHER.example.net'), 'xn--bcher-kva.example.net', null, 'name'],
    ['xn--bcher-kva.example.net', 'xn--bcher-kva.example.net', null, 'name'],
    ['b%C3%BCcher.example.net', 'xn--bcher-kva.example.net', null, 'name'],
    ['192.0.2.1', '192.0.2.1', null, 'ipv4'],
    ['192.0.2.1:25', '192.0.2.1', 25, 'ipv4'],
    // Names, not addresses: some resolvers take them for 127.0.0.1, this parser does not.
    ['127.1', '127.1', null, 'name'],
    ['0x7f.0.0.1', '0x7f.0.0.1', null, 'name'],
    ['0177.0.0.1', '0177.0.0.1', null, 'name'],
    ['2130706433', '2130706433', null, 'name'],
    ['192.0.2.256', '192.0.2.256', null, 'name'],
    ['[::1]', '[::1]', null, 'ipv6'],
    ['[2001:DB8:0:0::1]:443', '[2001:db8::1]', 443, 'ipv6'],
    ['[0:0:0:0:0:0:0:1]', '[::1]', null, 'ipv6'],
  ] as const)
    test(`${JSON.stringify(text)} names ${host}`, () => {
      assert.deepEqual(read(text), { host, port, kind, userinfo: null });
    });

  test('userinfo is the text before the @', () => {
    assert.equal(read('www.example.net@evil.example').userinfo, 'www.example.net');
    assert.equal(read('www.example.net@evil.example').host, 'evil.example');
    assert.equal(read('user:pass@evil.example:81').userinfo, 'user:pass');
    assert.equal(read('@evil.example').userinfo, '');
  });

  for (const [text, why, at] of [
    ['', /empty host/, 0],
    [':80', /empty host/, 0],
    ['.', /empty label/, 0],
    ['..', /empty label/, 0],
    ['a..b', /empty label/, 0],
    ['.a', /empty label/, 0],
    ['a..', /empty label/, 0],
    ['a@b@c', /second @/, 3],
    ['a b', /space/, 1],
    ['a\tb', /control/, 1],
    ['a\0b', /control/, 1],
    ['a/b', /\//, 1],
    ['a?b', /\?/, 1],
    ['a\\b', /\\/, 1],
    ['a#b', /#/, 1],
    ['a|b', /\|/, 1],
    ['a%00b', /encoded control/, 1],
    ['a%2fb', /encoded/, 1],
    ['a%40b', /encoded/, 1],
    ['a%3ab', /encoded/, 1],
    ['a%2', /%/, 1],
    ['a%zz', /%/, 1],
    ['a:b', /port/, 2],
    ['a:80:90', /port/, 4],
    ['a:-1', /port/, 2],
    ['a: 80', /port/, 2],
    ['a:0', /port 0/, 2],
    ['a:65536', /65535/, 2],
    ['a:99999999999999999999', /65535/, 2],
    ['u@a:x', /port/, 4],
    ['[::1', /bracket/, 0],
    ['[::1]x', /port after the bracket/, 5],
    ['[::1]:x', /port/, 6],
    ['[fe80::1%25eth0]', /IPv6/, 1],
    ['[v1.x]', /IPv6/, 1],
    ['[127.0.0.1]', /IPv6/, 1],
    ['[]', /IPv6/, 1],
    ['::1', /port/, 1],
    [utf8('www。example。net'), /no host name/, 3],
    [utf8('ｗｗｗ.example.net'), /no host name/, 0],
    [utf8('www.eⓧample.net'), /no host name/, 5],
    // The Kelvin sign lower-cases to an ASCII k.
    [utf8('\u212a.example.net'), /no host name/, 0],
    [utf8('stra\u00adsse.example'), /no host name/, 4],
    ['b\xfccher.example.net', /no host name/, 1],
    ['\xff', /no host name/, 0],
  ] as const)
    test(`${JSON.stringify(text)} is no authority`, () => {
      const authority = parseAuthority(text);
      assert.ok(isMalformed(authority), JSON.stringify(authority));
      assert.match(authority.malformed, why);
      assert.equal(authority.at, at);
    });

  test('any text gives an authority or an offset into the text', () => {
    fc.assert(
      fc.property(fc.oneof(latin1, nearAuthority), (text) => {
        const authority = parseAuthority(text);
        if (isMalformed(authority)) {
          assert.ok(authority.at >= 0 && authority.at <= text.length, `${authority.at} in ${text}`);
        } else {
          assert.match(authority.host, /^(?:[a-z0-9\-._~!$&'()*+,;=]+|\[[0-9a-f:.]+\])$/);
          assert.ok(authority.port === null || (authority.port > 0 && authority.port <= 65535));
        }
      }),
      { numRuns: 3000 },
    );
  });

  test('a canonical host reads back as itself', () => {
    fc.assert(
      fc.property(nearAuthority, (text) => {
        const authority = parseAuthority(text);
        if (isMalformed(authority)) return;
        assert.deepEqual(read(authority.host), { ...authority, port: null, userinfo: null });
      }),
      { numRuns: 3000 },
    );
  });

  test('no text beyond ASCII becomes a plain ASCII name', () => {
    const lookAlike = fc.string({
      unit: fc.constantFrom(...'exampl.\u212aｅｘａ。．｡ⓔℯªſß\u00ad\u200b①İı'),
      minLength: 1,
    });
    fc.assert(
      fc.property(lookAlike, (text) => {
        if (!/[^\0-\x7f]/.test(text)) return;
        const authority = parseAuthority(utf8(text));
        if (isMalformed(authority)) return;
        assert.match(authority.host, /(?:^|\.)xn--/, `${text} became ${authority.host}`);
        assert.equal(domainToASCII(text).replace(/\.$/, ''), authority.host);
      }),
      { numRuns: 3000 },
    );
  });
});
