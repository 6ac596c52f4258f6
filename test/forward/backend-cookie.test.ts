/** The cookie that keeps a client with a backend. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { BackendCookie } from '../../src/forward/backend-cookie.ts';
import { ResponseHead } from '../../src/wire/response-head.ts';

const [a, b] = [{ name: '10.0.0.1:80' }, { name: '10.0.0.2:80' }];
const cookies = new BackendCookie('secret of the site', 'www.example.net', [a, b]);
const head = (fields: string): ResponseHead =>
  new ResponseHead({
    status: 200,
    reason: '',
    fields,
    framing: 'none',
    length: 0,
    keepAlive: true,
    dated: true,
    upgrade: '',
    end: 0,
  });
const valueFor = (of: BackendCookie<{ name: string }>, backend: { name: string }): string =>
  /sekisho-backend=([^;]+)/.exec(of.putInto(head(''), backend, null, false).fields)![1]!;
const valueOfA = valueFor(cookies, a);
const read = (...lines: string[]) => {
  const raw = lines.flatMap((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]);
  const { backend, rawHeaders, strip } = cookies.takeFrom(raw, [2]);
  const passed = rawHeaders.flatMap((name, i) =>
    i % 2 === 1 || strip.includes(i) ? [] : [`${name}: ${rawHeaders[i + 1]}`],
  );
  return { backend, passed };
};

suite('the backend cookie', () => {
  for (const [what, line, passed] of [
    ['alone', `Cookie: sekisho-backend=${valueOfA}`, []],
    ['first', `Cookie: sekisho-backend=${valueOfA}; x=1`, ['Cookie: x=1']],
    ['in the middle', `cookie: x=1; sekisho-backend=${valueOfA}; y=2`, ['cookie: x=1; y=2']],
    ['last, with blanks', `COOKIE: x=1 ;  sekisho-backend = ${valueOfA} `, ['COOKIE: x=1 ']],
    ['after a forged one', `Cookie: sekisho-backend=1; sekisho-backend=${valueOfA}`, []],
  ] as const)
    test(`is read and removed: ${what}`, () => {
      const rows = read('Host: www.example.net', 'X-Stripped: 1', line, 'Accept: */*');
      assert.equal(rows.backend, a);
      assert.deepEqual(rows.passed, ['Host: www.example.net', ...passed, 'Accept: */*']);
    });

  test('other cookies with a similar name are kept', () => {
    const line = 'Cookie: xsekisho-backend=1; sekisho-backend2=2; SEKISHO-BACKEND=3; v=sekisho-backend=4; s';
    const rows = read('A: 1', 'X-Stripped: 1', line);
    assert.deepEqual([rows.backend, rows.passed], [null, ['A: 1', line]]);
  });

  test('a forged value selects no backend and is not passed on', () => {
    for (const value of ['', '0', '10.0.0.1:80', valueOfA.slice(1), `${valueOfA}=`, '__proto__']) {
      const rows = read('A: 1', 'X-Stripped: 1', `Cookie: a=b; sekisho-backend=${value}`);
      assert.deepEqual([rows.backend, rows.passed], [null, ['A: 1', 'Cookie: a=b']]);
    }
  });

  test('differs by secret and by site, and is equal in every process', () => {
    const same = new BackendCookie('secret of the site', 'www.example.net', [b, a]);
    const other = new BackendCookie('another secret', 'www.example.net', [a, b]);
    const elsewhere = new BackendCookie('secret of the site', 'shop.example.net', [a, b]);
    assert.equal(valueFor(same, a), valueOfA);
    assert.equal(
      new Set([valueOfA, valueFor(cookies, b), valueFor(other, a), valueFor(elsewhere, a)]).size,
      4,
    );
  });

  test('is set where the client has none or another one, and the answer must not be cached', () => {
    const { fields } = cookies.putInto(head('X: 1\r\n'), b, a, true);
    assert.match(
      fields,
      /^X: 1\r\nSet-Cookie: sekisho-backend=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Secure\r\nCache-Control: private\r\n$/,
    );
    assert.doesNotMatch(cookies.putInto(head(''), b, null, false).fields, /Secure/);
    assert.equal(cookies.putInto(head('X: 1\r\n'), a, a, true).fields, 'X: 1\r\n');
  });

  test('set by a backend is removed', () => {
    const fields = 'Set-Cookie: sekisho-backend=x; Path=/\r\nset-cookie: s=sekisho-backend=1\r\n';
    assert.equal(cookies.putInto(head(fields), a, a, false).fields, 'set-cookie: s=sekisho-backend=1\r\n');
  });
});
