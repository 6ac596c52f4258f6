/** The service of bans: its lists hold from the start, only bans of this gateway are announced, and each is saved once. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { parsePrefix } from '../../src/address/ip.ts';
import { PrefixSet } from '../../src/address/prefix-set.ts';
import type { Ban } from '../../src/bans/ban.ts';
import type { BanJournal } from '../../src/bans/ban-journal.ts';
import { BanService } from '../../src/bans/ban-service.ts';
import { BanLedger } from '../../src/bans/ledger.ts';
import { PrefixList } from '../../src/bans/prefix-list.ts';
import { probeOf } from '../support/probe-event.ts';
import { tempDir } from '../support/temp-dir.ts';

const hour = 3_600_000;
const earlier: Ban = {
  ...{ prefix: '192.0.2.9/32', since: 1, until: hour, changed: 1, level: 1 },
  ...{ by: 'probes', reason: 'connect' },
};

async function serviceOf(t: TestContext, lists: readonly string[] = []) {
  const saved: string[] = [];
  const announced: string[] = [];
  const errors: unknown[] = [];
  const warnings: string[] = [];
  const journal: BanJournal = {
    load: () => [earlier],
    save: ({ prefix, until }) => saved.push(`${prefix} until ${until}`),
    flush: () => {},
    close: () => {},
  };
  const exempt = new PrefixSet([parsePrefix('192.0.2.128/25')!]);
  const ledger = new BanLedger({ after: 2, within: hour, for: [hour], exempt, clock: () => 1000 });
  const service = await BanService.start({
    ...{ ledger, journal, lists },
    onBan: ({ prefix }) => announced.push(prefix),
    onError: (error) => errors.push(error),
    onWarning: (words) => warnings.push(words),
  });
  t.after(() => service.close());
  return { service, ledger, saved, announced, errors, warnings };
}

suite('the service of bans', () => {
  test('announces and saves the bans of this gateway; those of the fleet are saved, those of the journal neither', async (t) => {
    const { service, ledger, saved, announced } = await serviceOf(t);
    assert.deepEqual([service.isBanned('192.0.2.9/32'), saved, announced], [true, [], []]);
    for (let i = 0; i < 2; i++) service.onEvent(probeOf('192.0.2.1'));
    ledger.apply({ ...earlier, prefix: '192.0.2.2/32' }, 'fleet');
    ledger.remove('192.0.2.1');
    assert.deepEqual(announced, ['192.0.2.1/32']);
    assert.deepEqual(saved, [
      `192.0.2.1/32 until ${1000 + hour}`,
      `192.0.2.2/32 until ${hour}`,
      '192.0.2.1/32 until 1000',
    ]);
  });

  test('counts no probe whose rule does not count', async (t) => {
    const { service, announced } = await serviceOf(t);
    for (let i = 0; i < 10; i++) service.onEvent(probeOf('192.0.2.1', { counts: false }));
    assert.deepEqual(announced, []);
  });

  test('does not turn away allow-listed clients inside a listed network', async (t) => {
    const { service, ledger } = await serviceOf(t);
    ledger.replaceLists(PrefixList.of(['192.0.2.0/24']));
    assert.equal(service.isBanned('192.0.2.127/32'), true);
    assert.equal(service.isBanned('192.0.2.128/32'), false);
  });

  test('starts with its lists in force, and not at all with one that can not be read', async (t) => {
    const file = join(await tempDir(t, 'lists'), 'drop.txt');
    await writeFile(file, '198.51.100.0/24\n');
    const { service, saved, announced, errors } = await serviceOf(t, [file]);
    assert.equal(service.isBanned('198.51.100.7/32'), true);
    assert.deepEqual([saved, announced], [[], []]);
    await writeFile(file, '203.0.113.0/24\n');
    await service.reload();
    assert.deepEqual(
      ['198.51.100.7/32', '203.0.113.7/32'].map((prefix) => service.isBanned(prefix)),
      [false, true],
    );
    await writeFile(file, 'nonsense\n');
    await service.reload();
    assert.equal(service.isBanned('203.0.113.7/32'), true);
    assert.equal(errors.length, 1);
    await assert.rejects(serviceOf(t, [file]), { code: 'SEKISHO_ERR_BAN_LIST' });
  });
});
