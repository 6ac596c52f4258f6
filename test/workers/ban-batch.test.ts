import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prefixKeyText } from '../../src/address/prefix-key.ts';
import { type Ban, banMakers, forever } from '../../src/bans/ban.ts';
import { BanMirror } from '../../src/bans/ban-mirror.ts';
import { packBans, unpackBans } from '../../src/program/workers/ban-batch.ts';

test('unpacking a batch restores every ban', () => {
  const prefixes = [
    '192.0.2.1/32',
    '255.255.255.255/32',
    '198.51.0.0/16',
    '2001:db8:1:2::/64',
    '2001:db8::/32',
    'ffff::/16',
  ];
  const bans = prefixes.flatMap((prefix, index) =>
    banMakers.flatMap((by) =>
      [1_700_000_000_001, forever].map(
        (until): Ban => ({
          prefix,
          until,
          by,
          changed: 1_700_000_000_000 + index,
          since: 5,
          level: 2,
          reason: 'connect',
        }),
      ),
    ),
  );
  const told: unknown[] = [];
  unpackBans(packBans(bans), (key, { until, changed, by }) =>
    told.push({ prefix: prefixKeyText(key), until, changed, by }),
  );
  assert.deepEqual(
    told,
    bans.map(({ prefix, until, changed, by }) => ({ prefix, until, changed, by })),
  );
  assert.ok(packBans(bans).byteLength <= bans.length * 40, 'forty bytes each');
});

test('a mirror that is given batches bans and pardons the same clients', () => {
  const mirror = new BanMirror({ clock: () => 1000 });
  const ban: Ban = {
    prefix: '192.0.2.0/24',
    since: 500,
    until: 2000,
    changed: 500,
    level: 1,
    by: 'operator',
    reason: '',
  };
  const give = (...bans: Ban[]): void => unpackBans(packBans(bans), (key, record) => mirror.put(key, record));
  give(ban, { ...ban, prefix: '2001:db8::/64' });
  assert.deepEqual(
    ['192.0.2.7/32', '192.0.3.7/32', '2001:db8::/64'].map((prefix) => mirror.isBanned(prefix)),
    [true, false, true],
  );
  give({ ...ban, changed: 600, until: 600 });
  assert.equal(mirror.isBanned('192.0.2.7/32'), false);
});
