import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prefixKeyText } from '../../src/address/prefix-key.ts';
import { type Ban, banMakers, forever } from '../../src/bans/ban.ts';
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
