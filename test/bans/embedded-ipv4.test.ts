/** Bans, lists and allow-lists that are written as 6to4, Teredo or NAT64: their clients count as IPv4 addresses. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { clientPrefix, parsePrefix } from '../../src/address/ip.ts';
import { prefixKey } from '../../src/address/prefix-key.ts';
import { PrefixSet } from '../../src/address/prefix-set.ts';
import { admit, isRefusal } from '../../src/bans/admission.ts';
import { banPrefix, embeddedNote, listedPrefix } from '../../src/bans/ban-prefix.ts';
import { BanLedger } from '../../src/bans/ledger.ts';
import { readLists } from '../../src/bans/list-file.ts';
import { readListLine } from '../../src/bans/list-line.ts';
import { parseConfig } from '../../src/config/load.ts';
import { peerOf } from '../../src/guard/client.ts';
import { startClientPlane } from '../../src/program/bans-and-fleet.ts';
import { startGateway } from '../../src/program/gateway.ts';
import { exchange } from '../support/raw-client.ts';
import { recordingBackend } from '../support/recording-backend.ts';
import { eventually, startRedis } from '../support/redis.ts';
import { tempDir } from '../support/temp-dir.ts';

/** The IPv6 prefix, and the IPv4 prefix it is banned as. */
const mapped = [
  ['6to4', '2002:cb00:7107::/48', '203.0.113.7/32'],
  ['6to4', '2002:cb00:7107:5::/64', '203.0.113.7/32'],
  ['6to4', '2002:cb00:7107:5::9', '203.0.113.7/32'],
  ['6to4', '2002:cb00:7100::/40', '203.0.113.0/24'],
  ['6to4', '2002:cb00:7104::/47', '203.0.113.4/31'],
  ['6to4', '2002:cb00::/24', '203.0.0.0/8'],
  ['6to4', '2002:8000::/17', '128.0.0.0/1'],
  ['NAT64', '64:ff9b::cb00:7107/128', '203.0.113.7/32'],
  ['NAT64', '64:ff9b::203.0.113.7', '203.0.113.7/32'],
  ['NAT64', '64:ff9b::203.0.113.0/120', '203.0.113.0/24'],
  ['NAT64', '64:ff9b::128.0.0.0/97', '128.0.0.0/1'],
  ['Teredo', '2001:0:5ef5:79fd:0:59d:34ff:8ef8', '203.0.113.7/32'],
  ['Teredo', '2001::34ff:8e00/120', '203.0.113.0/24'],
  ['Teredo', '2001:0:5ef5:79fd::3400:0/104', '203.0.0.0/8'],
] as const;

/** All of IPv4 by way of each. */
const everything = [
  ['6to4', '2002::/16'],
  ['NAT64', '64:ff9b::/96'],
  ['NAT64', '64:ff9b::/64'],
  ['NAT64', '64:ff9b::/48'],
  ['Teredo', '2001::/32'],
  ['Teredo', '2001:0:5ef5:79fd::/64'],
  ['Teredo', '2001:0:5ef5:79fd::/96'],
] as const;

/** Prefixes that are mostly native IPv6, or next to those above. */
const native = [
  ['2002::/15', '2002::/15'],
  ['2003:cb00:7107::/48', '2003:cb00:7107::/48'],
  ['2001::/16', '2001::/16'],
  ['2001::/31', '2001::/31'],
  ['2001:1:cb00::/48', '2001:1:cb00::/48'],
  ['64:ff9b::/47', '64:ff9b::/47'],
  ['64:ff9b:1::/48', '64:ff9b:1::/48'],
  ['64:ff9b::1:0:0/96', '64:ff9b::/64'],
] as const;

suite('a ban of a prefix that embeds IPv4 addresses', () => {
  for (const [by, text, ipv4] of mapped)
    test(`${by} ${text} is a ban of ${ipv4}`, () => {
      assert.equal(banPrefix(text), ipv4);
      assert.equal(
        embeddedNote(text),
        `${by} clients count as their IPv4 address: ${text} is banned as ${ipv4}`,
      );
      const client = clientPrefix(text.split('/', 1)[0]!)!;
      assert.ok(new PrefixSet([parsePrefix(ipv4)!]).contains(client.split('/', 1)[0]!));
    });

  for (const [by, text] of everything)
    test(`${by} ${text} is refused: it covers every IPv4 address`, () => {
      const { ledger } = ledgerAt();
      const refused = {
        name: 'BanPrefixError',
        message: `${text} covers every IPv4 address: clients behind ${by} count as their IPv4 address. Write the IPv4 address or prefix`,
      };
      assert.throws(() => ledger.add({ prefix: text }), refused);
      assert.throws(() => ledger.remove(text), refused);
    });

  for (const [text, stored] of native)
    test(`${text} is native IPv6`, () => {
      assert.equal(banPrefix(text), stored);
      assert.equal(embeddedNote(text), null);
      assert.deepEqual(listedPrefix(text), { prefix: stored });
    });

  test('is not wider than one of IPv4 may be', () => {
    const { ledger } = ledgerAt();
    ledger.add({ prefix: '2002:cb00::/24' });
    assert.throws(
      () => ledger.add({ prefix: '2002:ca00::/23' }),
      /^BanPrefixError: 202\.0\.0\.0\/7 is wider than a \/8/,
    );
  });

  test('applies to the client however it comes, and is lifted by either name', () => {
    const { ledger } = ledgerAt();
    for (const lift of ['203.0.113.7', '64:ff9b::203.0.113.7', '2002:cb00:7107::/48']) {
      ledger.add({ prefix: '2002:cb00:7107::/48' });
      for (const address of ['203.0.113.7', '2002:cb00:7107::1', '2001::34ff:8ef8', '64:ff9b::cb00:7107'])
        assert.equal(ledger.bans(address), true, address);
      assert.equal(ledger.bans('2002:cb00:7108::1'), false);
      assert.equal(ledger.remove(lift)?.prefix, '203.0.113.7/32');
      assert.equal(ledger.bans('2002:cb00:7107::1'), false);
    }
  });

  test('is refused as a record of the fleet or the journal, where it would be stored under a name that nothing finds', () => {
    const rules = { longest: 1000, exempt: new PrefixSet([]) };
    for (const text of [...mapped.map(([, prefix]) => prefix), ...everything.map(([, prefix]) => prefix)]) {
      const record = {
        prefix: text,
        since: 1,
        until: 9,
        changed: 1,
        level: 1,
        by: 'operator',
        reason: '',
      } as const;
      const found = admit(record, rules, 1);
      assert.ok(isRefusal(found) && found.poisoned, text);
    }
  });
});

suite('a list with prefixes that embed IPv4 addresses', () => {
  const lines = [
    ...['2002:cb00:7107::/48', '64:ff9b::203.0.113.128/121', '2001::34ff:8ef7', '2002:8000::/17'],
    ...['2002:a00::/24', '2002:7f00::/24 ; loopback', '2002:c0a8:100::/40', '64:ff9b::10.0.0.0/104'],
    ...['2001::/32 # Teredo', '2002::/16', '64:ff9b::/96', '2001:db8::/32'],
  ];
  const listed = ['203.0.113.7/32', '203.0.113.8/32', '203.0.113.128/25', '2001:db8::/32'];

  test('bans the IPv4 clients; lines that cover all of them, or private ones, ban nobody and are counted', async (t) => {
    const file = join(await tempDir(t, 'lists'), 'list.txt');
    await writeFile(file, lines.join('\n'));
    const list = await readLists([file]);
    assert.deepEqual([...list], listed);
    assert.deepEqual(list.idle, {
      count: 8,
      first: `${file}:4: 2002:8000::/17 covers private IPv4 addresses behind 6to4`,
    });
  });

  test('is read the same in a thread of its own', async (t) => {
    const file = join(await tempDir(t, 'lists'), 'list.txt');
    await writeFile(file, `${`# ${'x'.repeat(1000)}\n`.repeat(300)}${lines.join('\n')}\n`);
    const list = await readLists([file]);
    assert.deepEqual([...list], listed);
    assert.equal(list.idle.first, `${file}:304: 2002:8000::/17 covers private IPv4 addresses behind 6to4`);
    assert.equal(list.idle.count, 8);
  });

  test('is never read by the fast line parser, which does not know IPv4 in IPv6', () => {
    for (const line of [...lines, ...mapped.map(([, text]) => text), ...everything.map(([, text]) => text)])
      if (line !== '2001:db8::/32')
        assert.equal(readListLine(Buffer.from(line), 0, line.length, prefixKey()), false, line);
  });

  for (const [by, text] of everything)
    test(`${by} ${text} in a list bans nobody`, () =>
      assert.deepEqual(listedPrefix(text), { idle: `${text} covers every IPv4 address behind ${by}` }));
});

test('6to4 prefixes of addresses that no client can have ban nobody in a list; their neighbours are banned', () => {
  for (const text of [
    ...['2002::/24', '2002:a00::/24', '2002:6440::/26', '2002:7f00::/24', '2002:a9fe::/32'],
    ...['2002:ac10::/28', '2002:c0a8::/32'],
  ])
    assert.ok('idle' in listedPrefix(text), text);
  for (const text of ['2002:6480::/26', '2002:ac20::/28', '2002:a9ff::/32', '2002:b00::/24'])
    assert.ok('prefix' in listedPrefix(text), text);
});

suite('an allow-list with prefixes that embed IPv4 addresses', () => {
  const ways = [
    '203.0.113.7',
    '::ffff:203.0.113.7',
    '2002:cb00:7107:1::2',
    '64:ff9b::cb00:7107',
    '2001::34ff:8ef8',
  ];

  for (const written of ways)
    test(`${written}: its client is exempt however it comes`, () => {
      const allowed = PrefixSet.ofClients([written]);
      const rules = { trustedProxies: new PrefixSet([]), allowed };
      const { ledger } = ledgerAt(allowed);
      for (const address of ways) {
        assert.equal(peerOf({ remoteAddress: address }, rules).allowed, true, address);
        assert.equal(ledger.isExempt(address), true, address);
        assert.equal(ledger.offend(address, 'connect'), null, address);
      }
      for (const address of ['203.0.113.6', '2002:cb00:7106::2', '64:ff9b::cb00:7106', '2001::34ff:8ef9']) {
        assert.equal(peerOf({ remoteAddress: address }, rules).allowed, false, address);
        assert.notEqual(ledger.offend(address, 'connect'), null, address);
        ledger.remove(address);
      }
    });

  test('by a prefix that covers every IPv4 address is for the clients behind it alone', () => {
    for (const [, text] of everything) {
      const allowed = PrefixSet.ofClients([text]);
      const [first] = text.split('/') as [string];
      assert.equal(allowed.containsClient(first), true, text);
      assert.equal(allowed.containsClient('203.0.113.7'), false, text);
      assert.equal(allowed.share(4), 0, text);
    }
  });

  test('does not trust: a proxy must come by the address that is listed', () => {
    const trustedProxies = new PrefixSet([parsePrefix('203.0.113.7')!]);
    const rules = { trustedProxies, allowed: PrefixSet.ofClients([]) };
    assert.equal(peerOf({ remoteAddress: '2002:cb00:7107::1' }, rules).trusted, false);
    assert.equal(peerOf({ remoteAddress: '203.0.113.7' }, rules).trusted, true);
  });
});

function ledgerAt(exempt = new PrefixSet([])): { ledger: BanLedger } {
  return { ledger: new BanLedger({ after: 1, within: 1000, for: [1000], exempt, clock: () => 1000 }) };
}

/** A gateway of a fleet behind a balancer, which names the client. */
async function gatewayOf(t: TestContext, fleet: string, valkey: string, folder: string) {
  const backend = await recordingBackend(t);
  const config = parseConfig(
    `listen: ["127.0.0.1:0"]
trustedProxies: [127.0.0.1, "2002:cb00:710d::/48"]
sites: [{ hosts: ["www.example.net"], backend: "${backend.url}" }]
bans: { after: 1, allow: ["2002:cb00:7109::/48"], lists: [list.txt] }
rateLimit: { max: 10, timeWindow: 1d, allow: ["2002:cb00:710a::/48"] }
fleet: { valkey: "${valkey}", name: ${fleet} }
`,
    folder,
  );
  const warnings: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => warnings.push(JSON.parse(line).msg) });
  const clients = await startClientPlane(config, { log, journal: null });
  t.after(() => clients.close());
  const gateway = await startGateway(config, {
    log,
    isBanned: (prefix) => clients.bans!.isBanned(prefix),
    onEvent: (event) => clients.onEvent(event),
  });
  t.after(() => gateway.close(0));
  const port = Number(gateway.listeners[0]!.split(':').at(-1));
  const status = async (client: string): Promise<number | undefined> => {
    const head = `GET / HTTP/1.1\r\nHost: www.example.net\r\nX-Forwarded-For: ${client}\r\nConnection: close\r\n\r\n`;
    return (await exchange(port, head, { timeout: 20_000 })).responses[0]?.status;
  };
  return { ledger: clients.bans!.ledger, status, warnings };
}

test('gateways of a fleet refuse the clients of a 6to4 ban made at one of them, and of a list; never those they allow', async (t) => {
  const redis = await startRedis(t);
  const folder = await tempDir(t, 'embedded');
  await writeFile(join(folder, 'list.txt'), '2002:cb00:7108::/48\n2002:7f00::/24\n2002::/16\n');
  const fleet = randomUUID();
  const here = await gatewayOf(t, fleet, redis.url, folder);
  const there = await gatewayOf(t, fleet, redis.url, folder);
  for (const { warnings } of [here, there])
    assert.deepEqual(
      warnings.filter((words) => words.includes('lists')),
      [
        `2 lines of the lists can't ban anybody: ${join(folder, 'list.txt')}:2: 2002:7f00::/24 covers private IPv4 addresses behind 6to4`,
      ],
    );
  here.ledger.add({ prefix: '2002:cb00:7107::/48' });
  here.ledger.add({ prefix: '2002:cb00:7109::/48' });
  here.ledger.add({ prefix: '2002:cb00:710c::/48' });
  await eventually(() => there.ledger.isBanned('203.0.113.12/32'), 'the bans arrive');
  assert.equal(there.ledger.isBanned('203.0.113.7/32'), true);
  assert.equal(there.ledger.record('203.0.113.9/32'), null, 'it is on the allow-list');
  for (const { status } of [here, there]) {
    for (const client of ['2002:cb00:7107:5::1', '203.0.113.7', '64:ff9b::cb00:7108', '203.0.113.8'])
      assert.equal(await status(client), 403, client);
    for (const client of ['2002:cb00:7106::1', '203.0.113.9', '2002:cb00:7109::1', '64:ff9b::cb00:7109'])
      assert.equal(await status(client), 200, client);
  }
  assert.equal(here.ledger.isExempt('203.0.113.13'), true, 'a trusted proxy is not banned by another name');
  there.ledger.remove('2002:cb00:7107::/48');
  await eventually(() => !here.ledger.isBanned('203.0.113.7/32'), 'the pardon arrives');
  assert.equal(await here.status('2002:cb00:7107::1'), 200);
  const last = async (client: string) => {
    let status: number | undefined;
    for (let i = 0; i < 11; i++) status = await here.status(client);
    return status;
  };
  assert.equal(await last('203.0.113.10'), 200, 'rateLimit.allow');
  assert.equal(await last('203.0.113.9'), 200, 'bans.allow');
  assert.equal(await last('64:ff9b::203.0.113.10'), 200, 'rateLimit.allow');
  assert.equal(await last('64:ff9b::203.0.113.11'), 429);
});
