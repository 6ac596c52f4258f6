/** Path and parameter proxies: which targets are reported, their intent, which count; and that the quick check before it misses none. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { judge, type Verdict } from '../../src/judge.ts';
import { classifyIntent, nothingWanted } from '../../src/rules/intent.ts';
import { foreignUrlInPath } from '../../src/rules/own-host.ts';
import { mayNameTarget, pathProxy } from '../../src/rules/path-proxy.ts';
import { SiteTable } from '../../src/rules/site-table.ts';
import { pathProxyTargets } from '../corpus/path-proxies.ts';
import { corpusPolicy } from '../support/policy.ts';

const { policy } = corpusPolicy();
const judged = (target: string, ...marks: string[]): Verdict =>
  judge({ method: 'GET', target, version: '1.1', rawHeaders: ['Host', 'www.example.net', ...marks] }, policy);
const counts = ({ signals }: Verdict): boolean => signals.some((signal) => signal.counts);

suite('path proxies', () => {
  for (const [id, target, intent, counted] of pathProxyTargets) {
    test(`${id}: ${target}`, () => {
      const verdict = judged(target);
      assert.equal(verdict.rule, 'path-proxy');
      assert.equal(verdict.action, 'flag');
      assert.equal(classifyIntent(verdict.wanted ?? nothingWanted), intent);
      assert.equal(counts(verdict), counted);
      assert.equal(
        counts(judged(target, 'Sec-Fetch-Site', 'cross-site')),
        false,
        'a page can make a browser send it',
      );
    });
  }

  test('the destination is the host or URL, without the script before it', () => {
    for (const [target, destination] of [
      ['/proxy/http:/169.254.169.254/latest/', 'http://169.254.169.254/latest/'],
      ['/proxy/169.254.169.254/latest/', '169.254.169.254/latest/'],
      ['/proxy/2852039166/', '2852039166/'],
      ['/https/www.example.com/', 'www.example.com/'],
      ['/cors/https://www.example.com:8443/a', 'https://www.example.com:8443/a'],
      ['/http%3A%2F%2Fwww.example.com%2Fa', 'http://www.example.com/a'],
      ['/%2f%2fwww.example.com/', 'www.example.com/'],
      ['/proxy?url=http://169.254.169.254/latest', 'http://169.254.169.254'],
    ] as const)
      assert.equal(judged(target).wanted?.text, destination, target);
  });

  test('a redirect to loopback is allowed, one to metadata is flagged and does not count', () => {
    assert.equal(judged('/a?redirect_uri=http://127.0.0.1:1/').action, 'allow');
    const verdict = judged('/a?redirect_uri=http://169.254.169.254/');
    assert.equal(verdict.rule, 'path-proxy');
    assert.equal(counts(verdict), false);
  });

  test('a plain URL at the start is named url-in-path, and counts if it leads inward', () => {
    for (const target of ['/http://127.0.0.1/', '//169.254.169.254/latest/']) {
      assert.equal(judged(target).rule, 'url-in-path', target);
      assert.equal(counts(judged(target)), true, target);
    }
    assert.equal(counts(judged('/http://www.example.com/')), false);
  });

  test('an address without a scheme is a target where a script fetches it, and nowhere else', () => {
    for (const target of [
      '/fetch?url=10.0.0.1',
      '/load?x=169.254.169.254',
      '/load?url=http://0/',
      '/load?url=http://2130706433/',
      '/a/proxy/2130706433/',
    ])
      assert.equal(judged(target).rule, 'path-proxy', target);
    for (const target of [
      '/load?url=10.0.0.1',
      '/load?host=192.168.1.1:80&by=proxy',
      '/fetch?id=10.0.0.1',
      '/load?url=http://8080/',
      '/load?url=http://16777215/',
      // Ports of Jupyter, versions, and numbers beyond IPv4.
      '/a/proxy/8080/',
      '/a/proxy/10.1/',
      '/proxy/16777215/',
      '/proxy/4294967296/',
    ])
      assert.equal(judged(target).action, 'allow', target);
  });

  test('4096 characters of a path and of a query are examined', () => {
    const sites = new SiteTable([]);
    const before = (length: number): string => `/${'a/'.repeat(length / 2 - 1)}`;
    for (const lead of ['', '/?x=1&']) {
      const inward = (length: number) => pathProxy(sites, `${lead}${before(length)}169.254.169.254/`);
      assert.notEqual(inward(4000), null);
      assert.equal(inward(4200), null);
    }
  });

  test('encoded up to three times, as one script in front of another decodes it', () => {
    const rule = (colon: string) => judged(`/proxy?url=http${colon}//10.0.0.1/`).rule;
    assert.deepEqual(['%3a', '%253a', '%25253a'].map(rule), ['path-proxy', 'path-proxy', 'path-proxy']);
  });

  test('sixteen URLs of one parameter are examined', () => {
    const last = (others: number) =>
      judged(`/load?urls=${'http://www.example.com/,'.repeat(others)}http://10.0.0.1/`).rule;
    assert.deepEqual([last(1), last(15), last(16)], ['path-proxy', 'path-proxy', null]);
  });

  test('preset observe counts nothing', () => {
    const { policy: observing } = corpusPolicy('policy: { preset: observe }');
    const verdict = judge(
      {
        method: 'GET',
        target: '/proxy/169.254.169.254/',
        version: '1.1',
        rawHeaders: ['Host', 'www.example.net'],
      },
      observing,
    );
    assert.equal(verdict.rule, 'path-proxy');
    assert.equal(counts(verdict), false);
  });

  test('every reported target passes the quick check, whichever characters are encoded', () => {
    const sites = new SiteTable([]);
    const coded = fc
      .tuple(
        fc.constantFrom(...pathProxyTargets.map(([, target]) => target)),
        fc.infiniteStream(fc.integer({ min: 0, max: 9 })),
      )
      .map(([target, dice]) =>
        [...target]
          .map((char, i) =>
            i > 0 && dice.next().value! < 2 && char !== '?' && char !== '%'
              ? `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`
              : char,
          )
          .join(''),
      );
    fc.assert(
      fc.property(coded, (target) => {
        if (pathProxy(sites, target) !== null) assert.ok(mayNameTarget(target), target);
      }),
      { numRuns: 2000 },
    );
  });

  test('every target with a foreign URL in place of its path passes the quick check', () => {
    const sites = new SiteTable([]);
    const part = fc.constantFrom('/', '\\', ':', '|', '?', 'http', 'unix:a', 'evil.example', 'x', '%2f');
    const target = fc.array(part, { maxLength: 8 }).map((parts) => `/${parts.join('')}`);
    const seen = fc.sample(target, 5000).filter((one) => foreignUrlInPath(sites, one) !== null);
    assert.ok(seen.length > 100, String(seen.length));
    for (const one of seen) assert.ok(mayNameTarget(one), one);
    for (const one of ['/?unix:a|http://evil.example/', '/http:/evil.example', '/\\evil.example'])
      assert.ok(foreignUrlInPath(sites, one) !== null && mayNameTarget(one), one);
  });
});
