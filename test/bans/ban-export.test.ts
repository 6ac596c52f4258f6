/** The bans in the syntax of other firewalls, read by those firewalls. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { PrefixSet } from '../../src/address/prefix-set.ts';
import { type Ban, forever } from '../../src/bans/ban.ts';
import { exportBans, exportFormats } from '../../src/bans/ban-export.ts';
import { peer, without } from '../support/peers.ts';
import { runProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';

suite('exported bans', () => {
  const now = 1_700_000_000_000;
  const ban = (prefix: string, over: Partial<Ban> = {}): Ban => ({
    prefix,
    since: now,
    until: now + 90_500,
    changed: now,
    level: 1,
    by: 'probes',
    reason: 'connect',
    ...over,
  });
  const bans = [
    ban('192.0.2.1/32'),
    ban('192.0.2.0/24', { until: forever, by: 'operator', reason: 'scan of "all"; ports\n' }),
    ban('2001:db8::/64'),
  ];
  const listed = ['198.51.100.0/24', '192.0.2.1/32'];

  test('as plain text', () => {
    assert.equal(
      exportBans('plain', bans, listed, now),
      '198.51.100.0/24\n192.0.2.1/32\n192.0.2.0/24\n2001:db8::/64\n',
    );
  });

  test('are empty when nobody is banned', () => {
    for (const format of exportFormats) {
      const text = exportBans(format, [], [], now);
      if (format === 'nftables') assert.doesNotMatch(text, /element/);
      else assert.equal(text, '');
    }
  });

  test('nginx accepts them as deny lines', {
    skip: peer('nginx') === null ? 'nginx is not installed' : false,
  }, async (t) => {
    const dir = await tempDir(t, 'nginx-deny');
    await writeFile(join(dir, 'deny.conf'), exportBans('nginx', bans, listed, now));
    await writeFile(
      join(dir, 'nginx.conf'),
      `pid ${dir}/pid; error_log ${dir}/error.log; events {} http { access_log off; server { listen 127.0.0.1:1; include ${dir}/deny.conf; } }`,
    );
    const { code, stderr } = await runProcess(peer('nginx')!, [
      '-t',
      '-p',
      `${dir}/`,
      '-c',
      join(dir, 'nginx.conf'),
    ]);
    assert.equal(code, 0, stderr);
    assert.match(exportBans('nginx', bans, listed, now), /^deny 2001:db8::\/64;$/m);
  });

  test('as a HAProxy map from prefix to a reason of one word', () => {
    assert.equal(
      exportBans('haproxy', [...bans, ban('203.0.113.1/32', { reason: '???' })], listed, now),
      [
        '198.51.100.0/24 imported-list',
        '192.0.2.1/32 imported-list',
        '192.0.2.0/24 scan-of-all-ports-',
        '2001:db8::/64 connect',
        '203.0.113.1/32 -',
        '',
      ].join('\n'),
    );
  });

  test('HAProxy accepts them as a map', {
    skip: peer('haproxy') === null ? 'haproxy is not installed' : false,
  }, async (t) => {
    const dir = await tempDir(t, 'haproxy-map');
    await writeFile(join(dir, 'bans.map'), exportBans('haproxy', bans, listed, now));
    await writeFile(
      join(dir, 'haproxy.cfg'),
      `defaults
  mode http
  timeout client 1s
  timeout server 1s
  timeout connect 1s
frontend web
  bind 127.0.0.1:1
  http-request deny if { src,map_ip(${dir}/bans.map) -m found }
`,
    );
    const { code, stderr, stdout } = await runProcess(peer('haproxy')!, [
      '-c',
      '-f',
      join(dir, 'haproxy.cfg'),
    ]);
    assert.equal(code, 0, stderr + stdout);
  });

  test('nftables loads them, and loads them again', {
    skip: without('nft', 'unshare') || (process.getuid?.() === 0 ? false : 'needs root: a network namespace'),
  }, async (t) => {
    const dir = await tempDir(t, 'nftables');
    const file = join(dir, 'bans.nft');
    await writeFile(file, exportBans('nftables', bans, listed, now));
    const script =
      'nft -c -f "$1" && nft -f "$1" && nft -f "$1" && nft list set inet sekisho banned4 && nft list set inet sekisho banned6';
    const { code, stdout, stderr } = await runProcess('unshare', ['-n', 'sh', '-c', script, 'sh', file], {
      env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
    });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /elements = \{ 192\.0\.2\.0\/24, 198\.51\.100\.0\/24 \}/);
    assert.match(stdout, /elements = \{ 2001:db8::\/64 timeout 1m31s expires 1m/);
  });

  test('leave out what is exempt, also within a banned network', () => {
    const exempt = PrefixSet.ofClients([
      ...['192.0.2.64/27', '10.0.0.0/8', '192.0.2.128', '203.0.113.9'],
      ...['2001:db8:1::5', '2001:db8:0:4::/62', '2001:db8:2:8000::/49'],
      '2001:db9::/33',
    ]);
    const found = exportBans(
      'plain',
      [
        ban('192.0.2.0/24'),
        ban('203.0.113.9/32'),
        ban('203.0.113.8/31', { until: now + 1000 }),
        ban('203.0.113.8/32', { until: now + 2000 }),
        ban('2001:db8:1::/64'),
        ban('2001:db8:1::/62'),
        ban('2001:db8::/61'),
        ban('2001:db8:2::/47'),
        ban('2001:db8:0:4::/64'),
        ban('2001:db9::/32'),
      ],
      ['10.1.0.0/16', '10.0.0.0/7', '198.51.100.0/24'],
      now,
      exempt,
    );
    assert.deepEqual(found.trimEnd().split('\n'), [
      '11.0.0.0/8',
      '198.51.100.0/24',
      ...['192.0.2.0/26', '192.0.2.96/27', '192.0.2.129/32', '192.0.2.130/31', '192.0.2.132/30'],
      ...['192.0.2.136/29', '192.0.2.144/28', '192.0.2.160/27', '192.0.2.192/26'],
      '203.0.113.8/32',
      ...['2001:db8:1:1::/64', '2001:db8:1:2::/63'],
      '2001:db8::/62',
      ...['2001:db8:2::/49', '2001:db8:3::/48'],
      '2001:db9:8000::/33',
    ]);
  });

  test('fill two nftables sets in one transaction, each element with its timeout', () => {
    assert.equal(
      exportBans('nftables', bans, listed, now),
      `add table inet sekisho
add set inet sekisho banned4 { type ipv4_addr; flags interval, timeout; auto-merge; }
flush set inet sekisho banned4
add element inet sekisho banned4 {
	198.51.100.0/24,
	192.0.2.0/24
}
add set inet sekisho banned6 { type ipv6_addr; flags interval, timeout; auto-merge; }
flush set inet sekisho banned6
add element inet sekisho banned6 {
	2001:db8::/64 timeout 91s
}
`,
    );
  });

  test('a reason in a HAProxy map has at most sixty characters', () => {
    const reason = `${'r'.repeat(60)}x`;
    assert.equal(
      exportBans('haproxy', [ban('192.0.2.1/32', { reason }), ban('192.0.2.2/32', { reason: '' })], [], now),
      `192.0.2.1/32 ${'r'.repeat(60)}\n192.0.2.2/32 banned\n`,
    );
  });

  test('a ban that ends meanwhile still gets a timeout of a second, since none means for ever', () => {
    const text = exportBans('nftables', [ban('192.0.2.1/32', { until: now })], [], now);
    assert.match(text, /192\.0\.2\.1\/32 timeout 1s/);
  });

  test('a wide ban covers the narrower ones that it outlasts, in nftables', () => {
    const elements = (...all: readonly Ban[]) =>
      [...exportBans('nftables', all, [], now).matchAll(/(\S+) timeout (\d+)s/g)].map(([, prefix, end]) => [
        prefix,
        Number(end),
      ]);
    const until = (seconds: number) => ({ until: now + seconds * 1000 });
    assert.deepEqual(
      elements(
        ban('198.18.0.0/16', until(20)),
        ban('198.18.1.0/24', until(10)),
        ban('198.18.2.0/24', until(30)),
        ban('198.18.2.1/32', until(25)),
        ban('198.18.2.2/32', until(40)),
        ban('198.18.3.1/32', until(20)),
        ban('198.18.3.2/32', until(21)),
        ban('198.19.0.1/32', until(1)),
        ban('198.19.0.2/32', until(100_000)),
        ban('2001:db8::/48', until(20)),
        ban('2001:db8:0:1::/64', until(19)),
        ban('2001:db8:1:1::/64', { until: now + 1 }),
      ),
      [
        ['198.18.0.0/16', 20],
        ['198.18.2.0/24', 30],
        ['198.18.2.2/32', 40],
        ['198.18.3.2/32', 21],
        ['198.19.0.1/32', 1],
        ['198.19.0.2/32', 100_000],
        ['2001:db8::/48', 20],
        ['2001:db8:1:1::/64', 1],
      ],
    );
  });
});
