/** Refusals that imitate known proxies: scanners recognise the product, and nothing is granted. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { suite, test } from 'node:test';
import { httpRefusals, type Skin } from '../../src/decoys/refusals.ts';
import { nmap } from '../support/nmap.ts';
import { watchDials } from '../support/no-dial.ts';
import { startSquid } from '../support/open-proxies.ts';
import { requirePeer, without } from '../support/peers.ts';
import { runProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { startDecoy } from './support.ts';

/** Words that banner scanners look for: FTP, SSH, mail. */
const bannerWords = /\b(?:FTP|SSH|E?SMTP|POP3|IMAP|Postfix|Exim|sendmail)\b|\+OK/i;
const skins: readonly Skin[] = ['squid', 'ccproxy', '3proxy', 'plain'];

/** The parts that every refusal of one proxy shares: status line, field names, error, title and headings of the page. */
function shape(text: string): unknown {
  const [head = '', body = ''] = text.split('\r\n\r\n');
  const [status, ...fields] = head.split('\r\n');
  return {
    status,
    names: fields.map((field) => field.split(':', 1)[0]),
    error: /^X-Squid-Error: .*$/m.exec(head)?.[0],
    challenge: /^Proxy-Authenticate: .*$/m.exec(head)?.[0],
    page: body.match(/<title>.*?<\/title>|<h[12]>.*?<\/h[12]>|<body id=[^ >]*|<p><b>.*?<\/b><\/p>/g),
  };
}

suite('the skin of a decoy', () => {
  test('is a refusal, whether it asks for a password or not', async (t) => {
    for (const skin of skins)
      for (const realm of [null, 'office proxy']) {
        const { port, events } = await startDecoy(t, 'http-proxy', { skin, realm });
        let seen = 0;
        for (const bytes of [
          'GET http://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\n\r\n',
          'CONNECT www.example.com:443 HTTP/1.1\r\nHost: www.example.com:443\r\n\r\n',
          'GET / HTTP/1.0\r\n\r\n',
          'CONNECT a:1 HTTP/1.1\r\nProxy-Authorization: Basic YTpi\r\n\r\n',
        ]) {
          const { responses, text, rest, ended } = await exchange(port, bytes);
          const [response] = responses;
          const expected = realm !== null ? 407 : skin === 'plain' && bytes.startsWith('CONNECT') ? 405 : 403;
          assert.equal(response?.status, expected, `${skin} ${bytes}`);
          assert.deepEqual([rest.length, ended], [0, 'closed'], skin);
          assert.equal(/realm="office proxy"/.test(text), realm !== null);
          assert.doesNotMatch(text, bannerWords);
          assert.doesNotMatch(text, /example/, 'the refusal repeats nothing of the request');
          // Even a request that names no host is recorded: HTTP/1.0 in origin-form without Host.
          assert.equal(events.length, ++seen, bytes);
          assert.equal(events.at(-1)!.answer, expected);
        }
      }
  });

  test('of squid has the fields of the real one, in order, and its error page', {
    skip: without('squid'),
  }, async (t) => {
    const basic = '/usr/lib/squid/basic_ncsa_auth';
    const denying = await startSquid(t, ['http_access deny all']);
    const asking = existsSync(basic)
      ? await startSquid(t, [
          `auth_param basic program ${basic} /dev/null`,
          'auth_param basic realm proxy',
          'acl known proxy_auth REQUIRED',
          'http_access allow known',
          'http_access deny all',
        ])
      : null;
    for (const [real, realm] of [
      [denying, null],
      [asking, 'proxy'],
    ] as const) {
      if (real === null) continue;
      const { port } = await startDecoy(t, 'http-proxy', { skin: 'squid', realm });
      for (const bytes of [
        'GET http://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n\r\n',
        'CONNECT www.example.com:25 HTTP/1.1\r\nHost: www.example.com:25\r\nConnection: close\r\n\r\n',
      ]) {
        const theirs = await exchange(real.port, bytes);
        const ours = await exchange(port, bytes);
        assert.deepEqual(shape(ours.text), shape(theirs.text), bytes);
      }
    }
  });

  test('is built once a second and shared by all held connections', () => {
    let now = 1_760_000_000_000;
    const refuse = httpRefusals('squid', null, () => now);
    const first = refuse(false);
    assert.equal(refuse(false), first);
    now += 1000;
    assert.notEqual(refuse(false), first);
    assert.match(refuse(false).bytes.toString(), /Date: Thu, 09 Oct 2025 08:53:21 GMT\r\n/);
  });

  test('nmap recognises it as the product', { skip: without('nmap') }, async (t) => {
    // nmap tries HTTP first on this port number, so every skin has the same port on its own address.
    const products = [
      ['127.83.85.1', 'squid', 'proxy', 'Squid http proxy'],
      ['127.83.85.2', 'ccproxy', 'CCProxy Authorization', 'CCProxy http proxy'],
      ['127.83.85.3', '3proxy', 'proxy', '3proxy http proxy'],
    ] as const;
    for (const [address, skin, realm] of products)
      await startDecoy(t, 'http-proxy', { listen: `${address}:3128`, skin, realm, messageTime: 10_000 });
    const { stdout } = await runProcess(requirePeer('nmap'), [
      ...['-n', '-Pn', '-sT', '-sV', '--version-light', '-p', '3128', '-oG', '-'],
      ...products.map(([address]) => address),
    ]);
    for (const [address, , , product] of products)
      assert.match(stdout, new RegExp(`Host: ${address} .*3128/open/tcp//http-proxy//${product}`));
  });

  test('nmap finds no open proxy in any, and what it asked for is recorded', {
    skip: without('nmap'),
  }, async (t) => {
    const args = { 'proxy.url': 'http://www.example.com/', 'proxy.pattern': 'html|error|denied|proxy' };
    await Promise.all(
      skins.map(async (skin) => {
        const { port, events } = await startDecoy(t, 'http-proxy', { skin, realm: 'proxy' });
        const report = await nmap({ port, script: 'http-open-proxy', args });
        assert.equal(report.state, 'open');
        assert.equal(report.scripts.get('http-open-proxy'), undefined, skin);
        assert.ok(
          events.some(
            ({ destination, answer }) => destination?.includes('www.example.com') && answer === 407,
          ),
          skin,
        );
      }),
    );
  });

  test('curl is refused with a password, and the password is not kept', {
    skip: without('curl'),
  }, async (t) => {
    const watch = watchDials(t);
    for (const skin of skins) {
      const { port, events } = await startDecoy(t, 'http-proxy', { skin, realm: 'proxy' });
      for (const way of [[], ['-p'], ['--proxy-anyauth']]) {
        const { code } = await runProcess(requirePeer('curl'), [
          ...['-sSf', '-m', '10', '-x', `http://127.0.0.1:${port}`, '-U', 'admin:hunter2', ...way],
          'http://target.example.com:8081/',
        ]);
        assert.notEqual(code, 0, skin);
        assert.match(events.at(-1)!.destination!, /target\.example\.com:8081/);
        assert.match(events.at(-1)!.credentialHash!, /^[0-9a-f]{32}$/, `${skin} ${way}`);
      }
      assert.doesNotMatch(JSON.stringify(events), /hunter2|admin|YWRtaW46aHVudGVyMg/);
    }
    assert.deepEqual(watch.others(), []);
  });
});
