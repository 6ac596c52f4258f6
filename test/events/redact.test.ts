/** Credentials in a probe are redacted; the rest is kept. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { redact } from '../../src/events/redact.ts';

const secret = 'S3cr3t-value';

suite('a credential is redacted', () => {
  for (const field of [
    ...[
      'Authorization',
      'Proxy-Authorization',
      'Cookie',
      'Set-Cookie',
      'X-Api-Key',
      'X-Auth-Token',
      'X-CSRF-Token',
    ],
    ...[
      'X-Vault-Token',
      'PRIVATE-TOKEN',
      'X-Access-Token',
      'Api-Key',
      'X-Amz-Security-Token',
      'X-Xsrf-Token',
    ],
    ...[
      'Cf-Access-Jwt-Assertion',
      'Sec-WebSocket-Protocol',
      'X-Goog-Api-Key',
      'X-Session-Id',
      'X-Auth',
      'Signature',
    ],
    ...['X-Amz-Credential', 'X-Client-Secret', 'DPoP-Token', 'x_api_key', 'X-Password'],
    ...['Ocp-Apim-Subscription-Key', 'X-Functions-Key', 'X-Master-Key', 'x-appkey', 'DPoP', 'X-Auth-Key'],
  ])
    test(`header ${field}`, () => {
      const text = redact(`GET / HTTP/1.1\r\n${field}: ${secret}\r\n ${secret}\r\nAccept: */*\r\n\r\n`);
      assert.ok(!text.includes(secret), text);
      assert.ok(text.endsWith('\r\nAccept: */*\r\n\r\n'), text);
    });

  for (const field of [
    ...[
      'password',
      'passwd',
      'pwd',
      'pass',
      'token',
      'secret',
      'api_key',
      'apikey',
      'access_token',
      'sessionid',
    ],
    ...[
      'refresh_token',
      'client_secret',
      'id_token',
      'code',
      'sig',
      'signature',
      'X-Amz-Signature',
      'key',
      'otp',
    ],
    ...['SAMLResponse', 'user[password]', 'ticket', 'PHPSESSION', '%74oken', 'client_assertion', 'auth'],
    ...['PHPSESSID', 'subscription-key', 'AccountKey', 'passcode', 'totp', 'pw'],
  ]) {
    test(`parameter ${field}`, () => {
      for (const text of [
        `GET /?a=1&${field}=${secret};x&b=2 HTTP/1.1`,
        `GET /;${field}=${secret}?b=2 HTTP/1.1`,
        `POST / HTTP/1.1\r\n\r\n${field}=${secret}&b=2`,
      ]) {
        const safe = redact(text);
        assert.ok(!safe.includes(secret), safe);
        assert.ok(!text.includes('&b=2') || safe.includes('&b=2'), safe);
      }
    });
    test(`field ${field} of a multipart form`, () => {
      const disposition = `Content-Disposition: form-data; name="${field}"`;
      const safe = redact(`--x\r\n${disposition}\r\n\r\n${secret}\r\n--x\r\n`);
      assert.ok(!safe.includes(secret), safe);
      assert.ok(safe.endsWith('\r\n--x\r\n'), safe);
    });
  }

  for (const field of [
    'refresh_token',
    'accessToken',
    'password',
    'clientSecret',
    'apiKey',
    'session_id',
    'code',
  ])
    test(`member ${field}`, () => {
      for (const text of [
        `{"a":"b","${field}":"${secret}\\"${secret}","c":"d"}`,
        `{ "${field}" :\n "${secret}", "c":"d"}`,
        `{"${field}":"${secret}`,
        `{"${field}":1234567,"c":"d"}`,
      ]) {
        const safe = redact(text);
        assert.ok(!safe.includes(secret) && !safe.includes('1234567'), safe);
        assert.ok(!text.includes('"c":"d"') || safe.includes('"c":"d"'), safe);
      }
    });

  test('userinfo', () =>
    assert.equal(
      redact('GET http://user:pw@a.example/ HTTP/1.1'),
      'GET http://[redacted]@a.example/ HTTP/1.1',
    ));
});

test('everything else in a probe is kept', () => {
  const kept = [
    'GET http://www.example.com/azenv.php?author=me&page=2&cod=1&state=x HTTP/1.1',
    'Host: www.example.com:25',
    'User-Agent: Mozilla/5.0',
    'Accept-Language: en',
    'Idempotency-Key: 17',
    'Content-Type: application/json',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'X-Forwarded-For: 203.0.113.7',
    'Proxy-Connection: keep-alive',
    '',
    '{"url":"http://www.example.com/","author":"me","keys":["a"]}',
  ].join('\r\n');
  assert.equal(redact(kept), kept);
});
