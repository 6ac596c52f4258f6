/** What the verdict says that the sender wanted, where fields name it, and which framing fields are reported. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { judge, judgeFirstBytes, type Verdict } from '../../src/judge.ts';
import { nothingWanted } from '../../src/rules/intent.ts';
import { destination, wantedSentence } from '../../src/rules/wanted-sentence.ts';
import { seeksInJapanese } from '../../src/words/rules-ja.ts';
import { corpusPolicy } from '../support/policy.ts';

const { policy } = corpusPolicy();
const judged = (target: string, ...fields: string[]): Verdict =>
  judge(
    { method: 'GET', target, version: '1.1', rawHeaders: ['Host', 'www.example.net', ...fields] },
    policy,
  );

suite('what was wanted', () => {
  test('is the first foreign name in an override field, with its port and path', () => {
    const verdict = judged(
      '/',
      'X-Original-URL',
      'http://10.0.0.1:8500/v1',
      'X-Rewrite-URL',
      'http://10.0.0.2/',
    );
    assert.deepEqual(
      [verdict.rule, verdict.wanted],
      ['host-override', { host: '10.0.0.1', port: 8500, path: '/v1', text: 'http://10.0.0.1:8500/v1' }],
    );
  });

  test('is the target, whatever an override field names', () => {
    const { wanted } = judged('http://www.example.com/a', 'X-Original-URL', 'http://10.0.0.1/');
    assert.equal(wanted?.host, 'www.example.com');
  });

  test('is the foreign host, whatever the path and the TLS hello name', () => {
    const { signals, wanted } = judge(
      {
        ...{ method: 'GET', target: '/proxy/http:/10.0.0.1/', version: '1.1' },
        ...{ rawHeaders: ['Host', 'www.example.com'], sni: 'mail.example.com' },
      },
      policy,
    );
    assert.deepEqual(
      [signals.map(({ rule }) => rule).sort(), wanted?.host],
      [['host-foreign', 'path-proxy', 'sni-foreign'], 'www.example.com'],
    );
  });

  test('of a SOCKS request is canonical as a host, and as sent in the text', () => {
    const name = Buffer.from('WWW.Example.com');
    const bytes = Buffer.concat([
      Buffer.from([5, 1, 0, 5, 1, 0, 3, name.length]),
      name,
      Buffer.from([0, 80]),
    ]);
    const { wanted } = judgeFirstBytes(bytes, policy)!;
    assert.deepEqual([wanted?.host, wanted?.text], ['www.example.com', 'WWW.Example.com:80']);
  });
});

test('fields by which a trusted proxy names another host are believed and forwarded', () => {
  const fields = ['X-Forwarded-Host', 'www.example.com', 'X-Original-URL', 'http://www.example.com/'];
  const request = {
    ...{ method: 'GET', target: '/', version: '1.1' },
    rawHeaders: ['Host', 'www.example.net', ...fields],
  };
  const { signals, strip } = judge(request, policy, { trusted: true, allowed: false, banned: false });
  assert.deepEqual([signals, strip], [[], []]);
  assert.deepEqual(judge(request, policy).strip, [2, 4]);
});

test('a destination is clipped to 512 characters', () => {
  const text = `http://www.example.com/${'a'.repeat(1000)}`;
  assert.equal(destination({ ...nothingWanted, text }), text.slice(0, 512));
  assert.equal(destination(nothingWanted), null);
});

suite('the sentence on another protocol than HTTP', () => {
  test('names the protocol, in both languages', () => {
    const { rule, wanted } = judgeFirstBytes(Buffer.from('SSH-2.0-Go\r\n'), policy)!;
    const sentence = wantedSentence(rule!, wanted!);
    assert.equal(
      sentence,
      'The sender wanted a service that speaks another protocol (SSH), or a gateway to one.',
    );
    assert.match(seeksInJapanese('not-http', sentence)!, /別のプロトコル（SSH）/);
  });
});

test('the evidence of another protocol is its line, or two bytes', () => {
  const marked = (text: string): number =>
    judgeFirstBytes(Buffer.from(text, 'latin1'), policy)!.signals[0]!.evidence.end;
  assert.deepEqual(
    ['SSH-2.0-Go\r\n', 'OPTIONS sip:nm SIP/2.0\r\nVia: x\r\n', '\x9a\x8f\xd1\xc9', 'AMQP\0\0\x09\x01'].map(
      marked,
    ),
    [10, 22, 2, 2],
  );
});

suite('framing over HTTP/2', () => {
  const over2 = (...rawHeaders: string[]): Verdict =>
    judge(
      {
        ...{ method: 'POST', target: '/', version: '2.0', rawHeaders },
        h2: { authority: 'www.example.net', scheme: 'https', protocol: null },
      },
      policy,
    );

  test('Transfer-Encoding is refused, since a backend over HTTP/1 would read it', () => {
    const { action, rule, signals } = over2('transfer-encoding', 'chunked');
    assert.deepEqual([action, rule], ['block', 'framing']);
    assert.match(signals[0]!.what, /Transfer-Encoding in HTTP\/2/);
    assert.equal(over2('content-length', '0').action, 'allow');
  });

  test('an HTTP/1 version of another protocol is named', () => {
    const verdict = (version: string) =>
      judge({ method: 'GET', target: '/', version, rawHeaders: ['Host', 'www.example.net'] }, policy);
    for (const [version, what] of [
      ['0.9', /HTTP\/0\.9/],
      ['2.0', /the protocol is 2\.0/],
    ] as const) {
      assert.deepEqual([verdict(version).action, verdict(version).rule], ['block', 'framing']);
      assert.match(verdict(version).signals[0]!.what, what);
    }
  });
});
