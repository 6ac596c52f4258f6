/** The kinds of probes of today as nginx and Apache log them: `scan` names what a request line shows as the gateway does. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { kinds, neighbours, rowOf } from '../corpus/today.ts';
import { scannedText } from './scanned.ts';

/** Rules that `scan` looks for, and that a request line alone shows. */
const sought =
  /^(?:connect|absolute-form-(?:foreign|scheme|userinfo|port)|socks[45]|smtp-on-http|proxy-protocol|h2-preface|tls-on-plaintext|target-malformed|trace|path-proxy|url-in-path)$/;

/** As nginx escapes what does not print, up to the end of the first line. */
const logged = (bytes: string): string =>
  bytes
    .replace(/^(?:\r\n)+/, '')
    .split('\r\n', 1)[0]!
    .replace(
      /[^\x20-\x7e]|["\\]/g,
      (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`,
    );
const line = (bytes: string, status: number): string =>
  `192.0.2.7 - - [25/Nov/2026:10:00:00 +0000] "${logged(bytes)}" ${status} 157 "-" "-"\n`;

const own = ['www.example.net', 'gate.example.net', 'static.example.net', '192.0.2.80'];

suite('the probes of today in logs', () => {
  // The NULs and line ends of SOCKS and of PROXY version 2 cut a logged line short; the intent is in the bytes that are lost.
  const found = kinds.filter(({ rule, row }) => sought.test(rule) && row !== 'proxy-protocol-v2');
  for (const kind of found)
    test(kind.row, async () => {
      const { findings } = await scannedText(line(rowOf(kind).bytes, 400), {
        hosts: own,
        ports: new Set([80, 443, 8080]),
        all: true,
      });
      assert.deepEqual(
        findings.map(({ rule }) => rule),
        [kind.rule],
      );
      if (/^(?:connect|absolute-form|path-proxy)/.test(kind.rule) && kind.intent !== 'third-party-attack')
        assert.equal(findings[0]!.intent, kind.intent);
    });

  test('the neighbours are none', async () => {
    const lines = neighbours
      .filter(({ bytes }) => !/^[A-Z]+ https?:/i.test(bytes))
      .map(({ bytes }) => line(bytes, 200));
    const { findings } = await scannedText(lines.join(''), { hosts: own });
    assert.deepEqual(
      findings.map(({ target }) => target),
      [],
    );
  });
});
