/** What is forwarded is one request, the one received: promise 3. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { FieldEdits } from '../../src/forward/field-edits.ts';
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

const plain: ForwardedRequest = {
  ...{ method: 'GET', version: '1.1', rawHeaders: [], path: '/', host: 'www.example.net' },
  ...{ trusted: false, peer: '192.0.2.7', client: '192.0.2.7', secure: false },
  ...{ strip: [], length: null, closes: false, upgrade: false, via: null },
};
const start = 'GET / HTTP/1.1\r\nHost: www.example.net\r\n';
const forwarding =
  'X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: www.example.net\r\nX-Forwarded-Port: 80\r\nX-Real-IP: 192.0.2.7\r\nForwarded: for=192.0.2.7;host=www.example.net;proto=http\r\n';

suite('the fields of that head', () => {
  const edits = FieldEdits.of([
    { name: 'X-Set', action: 'set', value: '1' },
    { name: 'X-Gone', action: 'remove', value: '' },
  ]);
  const fields = (...rawHeaders: string[]) => ({ rawHeaders });
  const rows: readonly [what: string, over: Partial<ForwardedRequest>, ...lines: string[]][] = [
    ['no body', {}],
    ['a body with a length', { length: 5, ...fields('content-length', '05') }, 'Content-Length: 5'],
    ['an empty body', { length: 0 }, 'Content-Length: 0'],
    ['no body and a length', fields('Content-Length', '00'), 'Content-Length: 0'],
    ['a chunked body', { length: -1, ...fields('Content-Length', '5') }, 'Transfer-Encoding: chunked'],
    ['the last request of a connection', { closes: true }, 'Connection: close'],
    ['trailers', fields('TE', 'trailers', 'te', 'gzip'), 'TE: trailers', 'Connection: TE'],
    [
      'trailers on the last',
      { closes: true, ...fields('TE', 'gzip, trailers') },
      'TE: trailers',
      'Connection: TE, close',
    ],
    ['other transfer codings', fields('TE', 'gzip')],
    [
      'a WebSocket',
      { upgrade: true, closes: true, ...fields('TE', 'trailers', 'Upgrade', 'h2c', 'Connection', 'Upgrade') },
      'Connection: Upgrade',
      'Upgrade: websocket',
    ],
    ['via', { via: 'gate', version: '1.0' }, 'Via: 1.0 gate'],
    ['a client certificate', { certificate: 'CN=a' }, 'X-Client-Cert-Subject: CN=a'],
    [
      'fields that Connection lines name',
      fields(
        'X-A',
        '1',
        'Connection',
        'keep-alive',
        'connection',
        'x-a',
        'Connection',
        'X-B',
        'x-b',
        '2',
        'X-C',
        '3',
      ),
      'X-C: 3',
    ],
    ['a field that the verdict strips', { strip: [2], ...fields('X-A', '1', 'X-A', '2') }, 'X-A: 1'],
    [
      'edits',
      { edits, ...fields('Connection', 'x-set', 'x_set', '2', 'X-Gone', '3', 'X', '4') },
      'X: 4',
      'X-Set: 1',
    ],
  ];
  for (const [what, over, ...lines] of rows)
    test(what, () => {
      const text = lines.map((line) => `${line}\r\n`).join('');
      assert.equal(forwardedHead({ ...plain, ...over }), `${start}${text}${forwarding}\r\n`);
    });

  test('hop-by-hop fields and fields that are written here never come from the client', () => {
    const names =
      'Host Connection Keep-Alive Proxy-Connection Proxy-Authorization Proxy-Authenticate Proxy TE Transfer-Encoding Upgrade HTTP2-Settings Expect X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto X-Forwarded-Port X-Real-IP Forwarded X-Client-Cert-Subject x_client-cert_subject X-Client_Cert-Subject X_Client_Cert_Subject X-Client-Cert_Subject';
    for (const name of names.split(' '))
      assert.equal(forwardedHead({ ...plain, rawHeaders: [name, 'x'] }), `${start}${forwarding}\r\n`, name);
  });

  const theirs = {
    rawHeaders: [
      ...['X-Forwarded-For', '198.51.100.1', 'X-Forwarded-For', '198.51.100.2', 'X-Forwarded-Proto', 'https'],
      ...['X-Forwarded-Host', 'shop.example.net', 'Forwarded', 'for=198.51.100.1', 'X-Real-IP', '10.0.0.1'],
    ],
  };
  test('a trusted proxy has its forwarding fields kept and extended, except X-Real-IP', () => {
    const head = forwardedHead({ ...plain, ...theirs, trusted: true, client: '198.51.100.2' });
    assert.equal(
      head,
      `${start}X-Forwarded-For: 198.51.100.1, 198.51.100.2, 192.0.2.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example.net\r\nX-Forwarded-Port: 443\r\nX-Real-IP: 198.51.100.2\r\nForwarded: for=198.51.100.1, for=192.0.2.7;host=www.example.net;proto=http\r\n\r\n`,
    );
    assert.equal(forwardedHead({ ...plain, ...theirs }), `${start}${forwarding}\r\n`, 'anyone else has not');
    const port = { rawHeaders: [...theirs.rawHeaders, 'X-Forwarded-Port', '8443'], trusted: true };
    assert.match(forwardedHead({ ...plain, ...port }), /\r\nX-Forwarded-Port: 8443\r\n/);
  });

  test('IPv6 addresses and hosts with a port are quoted; the port is that of the host, or of the scheme', () => {
    const six = forwardedHead({ ...plain, peer: '2001:db8::7', host: 'www.example.net:8443', secure: true });
    assert.match(six, /\r\nX-Forwarded-Proto: https\r\n[\s\S]*\r\nX-Forwarded-Port: 8443\r\n/);
    assert.match(six, /\r\nForwarded: for="\[2001:db8::7\]";host="www\.example\.net:8443";proto=https\r\n/);
    const address = forwardedHead({ ...plain, host: '[2001:db8::80]', secure: true });
    assert.match(address, /\r\nX-Forwarded-Port: 443\r\n/);
  });
});
