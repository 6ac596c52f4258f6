/** Today's kinds of probes as nginx logs them: `scan` names the same rules as the gateway. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { kinds, neighbours, rowOf } from '../corpus/today.ts';
import { scannedText } from './scanned.ts';

/** Rules that `scan` looks for and that a request line alone reveals. */
const sought =
  /^(?:connect|absolute-form-(?:foreign|scheme|userinfo|port)|socks[45]|smtp-on-http|proxy-protocol|h2-preface|tls-on-plaintext|target-malformed|trace|path-proxy|url-in-path|not-http)$/;

/** The first line, escaped as nginx escapes unprintable bytes. */
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

suite("today's probes in logs", () => {
  // A NUL or line end truncates logged SOCKS and PROXY v2 bytes, and with them the intent.
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
      if (
        /^(?:connect|absolute-form|path-proxy|not-http)/.test(kind.rule) &&
        kind.intent !== 'third-party-attack'
      )
        assert.equal(findings[0]!.intent, kind.intent);
    });

  test('another protocol is reported if it names a destination, and with --all', async () => {
    const lines = [
      'SSH-2.0-Go\r\n',
      'OPTIONS / RTSP/1.0\r\n',
      'OPTIONS sip:192.0.2.9 SIP/2.0\r\n',
      'mx.example.com:25\r\n',
    ];
    const text = lines.map((bytes) => line(bytes, 400)).join('');
    const found = async (all: boolean) =>
      (await scannedText(text, { hosts: own, all })).findings.map(
        ({ rule, line: at, intent }) => `${at} ${rule} ${intent}`,
      );
    assert.deepEqual(await found(false), ['3 not-http sip-relay', '4 not-http mail-relay']);
    assert.deepEqual(await found(true), [
      '1 not-http web',
      '2 not-http stream-relay',
      '3 not-http sip-relay',
      '4 not-http mail-relay',
    ]);
  });

  test('similar ordinary requests are not reported', async () => {
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
