import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { refusal, refusalBytes } from '../../src/guard/refusal.ts';
import { ruleIds } from '../../src/rules/catalogue.ts';
import { parseResponses } from '../support/http-response.ts';

suite('a refusal', () => {
  for (const rule of ruleIds) {
    test(`for ${rule}, in every status: no success, no banner word, one complete response that closes`, () => {
      for (let status = 400; status <= 599; status++) {
        const bytes = refusalBytes(status, rule);
        assert.doesNotMatch(bytes, /ftp|ssh|smtp|pop3|imap/i);
        assert.match(bytes, /^HTTP\/1\.1 [45]\d\d [A-Za-z' -]+\r\n/);
        const { responses, rest } = parseResponses(Buffer.from(bytes, 'latin1'));
        assert.equal(responses.length, 1);
        assert.equal(rest.length, 0);
        const [response] = responses;
        assert.ok(response!.complete);
        assert.equal(response!.status, status);
        assert.deepEqual(response!.headers.get('connection'), ['close']);
        assert.deepEqual(response!.headers.get('cache-control'), ['no-store']);
        assert.equal(response!.headers.has('allow'), status === 405);
        assert.equal(response!.headers.has('server'), false);
      }
    });
  }

  test('names its rule, so that an operator can look it up', () => {
    assert.match(refusal(421, 'absolute-form-foreign').body, /\[absolute-form-foreign\]/);
    assert.doesNotMatch(refusal(400, 'smtp-on-http').body, /smtp/i);
  });

  test('offers no method that relays or echoes', () => {
    const { headers } = refusal(405, 'connect');
    assert.doesNotMatch(headers[headers.indexOf('Allow') + 1]!, /CONNECT|TRACE/);
  });
});
