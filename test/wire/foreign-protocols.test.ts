import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { foreignProtocol } from '../../src/wire/foreign-protocols.ts';
import { corpus } from '../corpus/corpus.ts';
import { foreignProtocols } from '../corpus/foreign-protocols.ts';

const protocolOf = (text: string): string | null =>
  foreignProtocol(Buffer.from(text, 'latin1'))?.name ?? null;

suite('protocols other than HTTP', () => {
  for (const [id, name] of Object.entries({
    'turn-allocate': 'TURN',
    'turn-allocate-framed': 'TURN',
    'stun-binding': 'STUN',
    'ssh-banner-of-a-scanner': 'SSH',
    'rdp-negotiation': 'RDP',
    's7-connection': 'ISO transport',
    'smb-negotiate': 'SMB',
    'ldap-bind': 'LDAP',
    'postgresql-ssl-request': 'PostgreSQL',
    'mongodb-hello': 'MongoDB',
    'tds-prelogin': 'SQL Server',
    'ajp-forward': 'AJP',
    'mqtt-connect': 'MQTT',
    'pptp-start': 'PPTP',
    'dns-version-bind': 'DNS',
    'telnet-negotiation': 'telnet',
    'minecraft-status': 'Minecraft',
    'noise-as-of-shadowsocks': 'unknown',
    'rtsp-options': 'RTSP',
    'sip-invite': 'SIP',
    'icap-options': 'ICAP',
    'wingate-open': 'telnet proxy',
    'wingate-name': 'telnet proxy',
    'wingate-name-and-port': 'telnet proxy',
    'ftp-user': 'FTP',
    trojan: 'Trojan',
  }))
    test(`${id}: ${name}`, () =>
      assert.equal(protocolOf(foreignProtocols.find((row) => row.id === `not-http-${id}`)!.bytes), name));

  test('no request that is forwarded, or refused by a rule for requests, is taken for one', () => {
    for (const { id, bytes, expect } of corpus)
      if (expect.verdict !== 'block' || /^(?:host|absolute|connect$|trace)/.test(expect.rule))
        assert.equal(protocolOf(bytes), null, id);
  });

  test('a request line with an odd byte is a request line', () => {
    for (const line of [
      'G\xe9T / HTTP/1.1\r\n',
      'GET /\x01 HTTP/1.1\r\n',
      'FOO / HTTP/2.0\r\n',
      'GET\r\n',
      'GET /\r\n',
      '',
    ])
      assert.equal(protocolOf(line), null, JSON.stringify(line));
  });

  test('any bytes are classified without an error, and in time', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        foreignProtocol(bytes);
      }),
      { numRuns: 3000 },
    );
    assert.equal(protocolOf(`{${'"method'.repeat(20_000)}`), null);
  });
});
