/** A host of the config can't begin a directive in an export, and its expression matches only that host. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { isUnreadable } from '../../src/config/fault.ts';
import { parseHostEntry } from '../../src/config/host-entry.ts';
import { parseConfig } from '../../src/config/load.ts';
import { hostRegex, portRegex } from '../../src/export/host-regex.ts';
import { prefixWord } from '../../src/export/quoting.ts';
import { exportSource } from '../../src/export/source.ts';
import { targets } from '../../src/export/targets.ts';
import { isMalformed, parseAuthority } from '../../src/wire/authority.ts';

const label = fc.stringMatching(/^[a-z0-9](?:[a-z0-9_-]{0,8}[a-z0-9])?$/);
const name = fc
  .array(label, { minLength: 1, maxLength: 4 })
  .map((labels) => [...labels, 'example'].join('.'));
const nasty = fc
  .array(
    fc.oneof(
      fc.constantFrom(...'";\'\\{}#$%`|()[]<>\n\r\t\0 *.:@/,^?+!&~'),
      fc.constantFrom('www', 'example.net', '*.', 'load_module', 'üñ', '\u2028', '。', '%22', '%0a', 'xn--'),
      fc.string({ unit: 'binary', maxLength: 3 }),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(''));

/** Characters allowed in the regular expression of a host: none ends a word, quoted or not. */
const harmless = /^(?:[A-Za-z0-9_.:,%|()?*+[\]{}\\-]|[^\x00-\x9f\u2028\u2029\s])+$/u;

suite('the regular expression of a host', () => {
  test('is harmless, or the host is rejected', () => {
    fc.assert(
      fc.property(fc.oneof(nasty, name), (host) => {
        let regex: string;
        try {
          regex = hostRegex({ host });
        } catch (error) {
          assert.ok(error instanceof TypeError);
          return;
        }
        assert.match(regex, harmless);
        assert.doesNotMatch(regex, /["'`#;$<>&]/);
      }),
      { numRuns: 5_000 },
    );
  });

  test('no host that the config accepts adds a line to an export', () => {
    const texts = (host: string): string[] => {
      const config = parseConfig(
        `listen: ["127.0.0.1:8080"]\nsites: [{ hosts: ["[2001:db8::1]", ${JSON.stringify(host)}], backend: welcome }]\n`,
        '.',
      );
      const regex = hostRegex(config.sites[0]!.hosts[1]!);
      return Object.values(targets).flatMap((target) =>
        target
          .parts(exportSource(config))
          .map(({ text }) =>
            text
              .replaceAll(regex.replaceAll('\\', '\\\\'), 'HOST')
              .replaceAll(regex.replaceAll('%', '%%'), 'HOST')
              .replaceAll(regex, 'HOST'),
          ),
      );
    };
    const plain = texts('plain.example');
    let taken = 0;
    fc.assert(
      fc.property(fc.oneof(nasty, name), (host) => {
        if (isUnreadable(parseHostEntry(host)) || /:[*\d]*$/.test(host)) return;
        taken++;
        assert.ok(
          texts(host).every((text, index) => text === plain[index]),
          host,
        );
      }),
      { numRuns: 300 },
    );
    assert.ok(taken > 50, `${taken} hosts were tried`);
  });

  test('matches every spelling of its host that the gateway accepts, and no other host', () => {
    const spelled = fc
      .tuple(
        name,
        fc.infiniteStream(fc.constantFrom('plain', 'capital', 'encoded')),
        fc.constantFrom('', '.'),
      )
      .map(([host, how, end]) => {
        const text = [...host].map((character) => {
          const next = how.next().value;
          if (next === 'capital') return character.toUpperCase();
          return next === 'encoded' ? `%${character.charCodeAt(0).toString(16)}` : character;
        });
        return { host, text: text.join('') + end };
      });
    fc.assert(
      fc.property(
        spelled,
        name,
        fc.constantFrom('', ':', ':80', ':65535', ':65536', ':0'),
        (own, other, port) => {
          const regex = new RegExp(`^${hostRegex(own)}${portRegex}$`, 'i');
          assert.equal(
            regex.test(own.text + port),
            !isMalformed(parseAuthority(own.text + port)),
            own.text + port,
          );
          assert.equal(regex.test(other), own.host === other);
        },
      ),
    );
  });

  test('covers IPv6 addresses and wildcards', () => {
    const ipv6 = new RegExp(`^${hostRegex({ host: '[2001:db8::80]' })}$`, 'i');
    for (const text of ['[2001:db8::80]', '[2001:DB8:0:0::0080]', '[2001:0db8:0:0:0:0:0:80]'])
      assert.match(text, ipv6);
    for (const text of [
      '[2001:db8::81]',
      '2001:db8::80',
      '[2001:db8::80',
      '[2001:db8:0:80]',
      '[2001:db8::80::]',
    ])
      assert.doesNotMatch(text, ipv6);
    const wildcard = new RegExp(`^${hostRegex({ host: '*.shop.example' })}$`, 'i');
    assert.match('a.b.SHOP.example', wildcard);
    for (const text of ['shop.example', 'evilshop.example', '.shop.example', 'a shop.example'])
      assert.doesNotMatch(text, wildcard);
  });
});

test('a prefix is one word, or rejected', () => {
  assert.equal(prefixWord('2001:db8::/32'), '2001:db8::/32');
  for (const prefix of ['192.0.2.0/24; }', '192.0.2.0', '192.0.2.0/24\n', 'a b/1'])
    assert.throws(() => prefixWord(prefix), TypeError);
});
