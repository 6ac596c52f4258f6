/** What is forwarded is one request, the one received: promise 3. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { type ForwardedRequest, forwardedHead } from '../../src/forward/forwarded-head.ts';
import { judge } from '../../src/judge.ts';
import type { HttpRequest } from '../../src/wire/http-request.ts';
import { parseRequestHead } from '../../src/wire/request-head.ts';
import { corpusPolicy } from '../support/policy.ts';
import { nearTarget } from '../wire/arbitraries.ts';

const { policy } = corpusPolicy('policy: { preset: observe }');

/** As Node's parser returns them: tokens, and values without controls or surrounding blanks. */
const token = fc.string({ unit: fc.constantFrom(..."aZ09-_.!#$%&'*+^`|~"), minLength: 1, maxLength: 12 });
const value = fc.uint8Array({ maxLength: 30 }).map((bytes) =>
  Buffer.from(bytes.map((byte) => (byte < 0x20 || byte === 0x7f ? 0x61 : byte)))
    .toString('latin1')
    .replace(/^[ \t]+|[ \t]+$/g, ''),
);
const field = fc.oneof(
  fc.tuple(token, value),
  fc.tuple(
    fc.constantFrom(
      ...['Connection', 'TE', 'Keep-Alive', 'Proxy', 'Upgrade', 'Expect', 'X-Forwarded-For', 'Forwarded'],
      ...['X-Forwarded-Host', 'X-Forwarded-Proto', 'Via', 'Cookie', 'Proxy-Connection', 'X-Hop', 'Host'],
    ),
    fc.oneof(
      value,
      fc.constantFrom('close', 'x-hop', 'trailers', 'websocket', 'www.example.net', 'evil.example'),
    ),
  ),
);

const arbitraryRequest: fc.Arbitrary<HttpRequest> = fc.record({
  method: fc.constantFrom('GET', 'POST', 'OPTIONS', 'PROPFIND'),
  target: fc.oneof(nearTarget, fc.constantFrom('/', '/a?b', 'http://www.example.net/x')),
  version: fc.constantFrom('1.1', '1.0'),
  rawHeaders: fc
    .array(field, { maxLength: 8 })
    .map((fields) => ['Host', 'www.example.net', ...fields.filter(([name]) => name !== 'Host').flat()]),
});

const ownHop =
  /^(?:host|connection|keep-alive|proxy-connection|proxy-authorization|proxy-authenticate|proxy|te|transfer-encoding|upgrade|http2-settings|expect|x-forwarded-(?:for|host|proto|port)|x-real-ip|forwarded)$/i;

suite('the head that a backend gets', () => {
  test('re-parses to the request received: same method, target, host and end-to-end fields, in order', () => {
    let passed = 0;
    fc.assert(
      fc.property(arbitraryRequest, fc.boolean(), fc.boolean(), (request, trusted, chunked) => {
        const verdict = judge(request, policy, { trusted, allowed: false, banned: false });
        if (verdict.action === 'block') return;
        passed++;
        const forwarded: ForwardedRequest = {
          ...request,
          path: verdict.path,
          host: verdict.host,
          trusted,
          peer: '192.0.2.7',
          client: '192.0.2.7',
          secure: false,
          strip: verdict.strip,
          length: chunked ? -1 : null,
          closes: false,
          upgrade: false,
          via: null,
        };
        const head = parseRequestHead(Buffer.from(forwardedHead(forwarded), 'latin1'))!;
        assert.deepEqual([head.defects, head.complete], [[], true]);
        assert.deepEqual([head.method, head.target, head.version], [request.method, verdict.path, '1.1']);
        const fields = (raw: readonly string[]) =>
          raw.flatMap((name, i) => (i % 2 === 0 ? [[name, raw[i + 1]!] as const] : []));
        const got = fields(head.rawHeaders);
        const valuesOf = (name: string) =>
          got.filter(([other]) => other.toLowerCase() === name).map(([, text]) => text);
        assert.deepEqual(valuesOf('host'), [verdict.host]);
        assert.deepEqual(valuesOf('transfer-encoding'), chunked ? ['chunked'] : []);
        assert.equal(valuesOf('x-forwarded-for').length, 1);
        assert.match(valuesOf('x-forwarded-for')[0]!, /(?:^|, )192\.0\.2\.7$/);
        if (!trusted) assert.equal(valuesOf('x-forwarded-for')[0], '192.0.2.7');
        const listed = fields(request.rawHeaders)
          .filter(([name]) => name.toLowerCase() === 'connection')
          .flatMap(([, text]) =>
            text
              .toLowerCase()
              .split(',')
              .map((option) => option.trim()),
          );
        const expected = fields(request.rawHeaders).filter(
          ([name], i) =>
            !ownHop.test(name) && !listed.includes(name.toLowerCase()) && !verdict.strip.includes(2 * i),
        );
        assert.deepEqual(
          got.filter(([name]) => !ownHop.test(name)),
          expected,
        );
        // Judged again, it is harmless and for the same site.
        const again = judge({ ...head, rawHeaders: head.rawHeaders }, policy);
        assert.notEqual(again.action, 'block', JSON.stringify(again));
        assert.equal(again.site, verdict.site);
        assert.equal(again.path, verdict.path);
      }),
      { numRuns: 6000 },
    );
    assert.ok(passed > 1000, `only ${passed} of them passed`);
  });
});
