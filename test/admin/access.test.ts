import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Access, sessionLength } from '../../src/admin/access.ts';

const token = '0123456789abcdef';
const now = 1_700_000_000_000;

const cookieOf = (line: string): string => line.split(';', 1)[0]!;

suite('access to the admin listener is granted', () => {
  test('by the exact token', () => {
    const access = new Access(token, false);
    const by = (authorization?: string) =>
      access.check(authorization === undefined ? {} : { authorization }, now);
    assert.deepEqual(by(`Bearer ${token}`), { by: 'token' });
    assert.deepEqual(by(`bearer ${token}`), { by: 'token' });
    for (const wrong of [
      undefined,
      '',
      'Bearer',
      'Bearer ',
      `Basic ${token}`,
      token,
      `Bearer ${token}x`,
      `Bearer ${token.slice(1)}`,
      `Bearer ${token} x`,
    ])
      assert.equal(by(wrong), null, String(wrong));
  });

  test('by a session for twelve hours, until it is closed', () => {
    const access = new Access(token, false);
    const line = access.open(now);
    assert.match(line, /^sekisho_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/);
    const cookie = cookieOf(line);
    assert.equal(access.check({ cookie }, now + sessionLength - 1)?.by, 'session');
    assert.equal(access.check({ cookie: `a=b; ${cookie}; c=d` }, now)?.by, 'session');
    const late = new Access(token, false);
    assert.equal(late.check({ cookie: cookieOf(late.open(now)) }, now + sessionLength), null);
    access.close(cookie);
    assert.equal(access.check({ cookie }, now), null);
    assert.equal(access.check({ cookie: 'sekisho_session=' }, now), null);
  });

  test('with a Secure cookie if the listener speaks TLS', () => {
    assert.match(new Access(token, true).open(now), /; Secure$/);
  });

  test('not by a cookie sent from a page of another port or site', () => {
    const access = new Access(token, false);
    const cookie = cookieOf(access.open(now));
    for (const site of ['same-site', 'cross-site'])
      assert.equal(
        access.check({ cookie, 'sec-fetch-site': site, 'sec-fetch-mode': 'cors' }, now),
        null,
        site,
      );
    for (const site of ['same-origin', 'none'])
      assert.equal(access.check({ cookie, 'sec-fetch-site': site }, now)?.by, 'session', site);
  });

  test('no more to any session after the token is replaced', () => {
    const access = new Access(token, false);
    const cookie = cookieOf(access.open(now));
    access.replaceToken(token);
    assert.ok(access.check({ cookie }, now));
    access.replaceToken('another-token-0123');
    assert.equal(access.check({ cookie }, now), null);
    assert.equal(access.check({ authorization: `Bearer ${token}` }, now), null);
  });

  test('to a bounded number of sessions: the oldest ends', () => {
    const access = new Access(token, false);
    const cookies = Array.from({ length: 65 }, () => cookieOf(access.open(now)));
    assert.equal(access.check({ cookie: cookies[0]! }, now), null);
    assert.ok(access.check({ cookie: cookies[1]! }, now));
  });
});
