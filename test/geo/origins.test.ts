/** Country and network of addresses, from generated MMDB files. */
import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { geoFileFault } from '../../src/geo/geo-file.ts';
import { noOrigin, originText } from '../../src/geo/origin.ts';
import { type GeoFiles, Origins } from '../../src/geo/origins.ts';
import { eventually } from '../support/eventually.ts';
import { mmdb } from '../support/mmdb.ts';
import type { Owner } from '../support/owner.ts';
import { tempDir } from '../support/temp-dir.ts';

const countries = (code: string) =>
  mmdb({
    type: 'GeoLite2-Country',
    records: {
      '198.51.100.0/24': { country: { iso_code: code }, registered_country: { iso_code: 'US' } },
      '192.0.2.0/24': { registered_country: { iso_code: 'NL' } },
      '203.0.113.0/24': { country_code: 'JP' },
      '2001:db8::/32': { country: { iso_code: 'FR' } },
    },
  });
const networks = mmdb({
  type: 'DBIP-ASN-Lite (compat=GeoLite2-ASN)',
  records: {
    '198.51.100.0/25': { autonomous_system_number: 64500, autonomous_system_organization: 'Example Net' },
    '203.0.113.0/24': { asn: 'AS64501', as_name: 'Beispiel\u0007 Netz' },
  },
});

async function files(owner: Owner, country: Buffer | null, asn: Buffer | null): Promise<GeoFiles> {
  const folder = await tempDir(owner, 'geo');
  const write = (name: string, bytes: Buffer | null): string | null => {
    if (bytes === null) return null;
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  };
  return { country: write('country.mmdb', country), asn: write('asn.mmdb', asn) };
}

/** @returns the origins, and the errors and reads reported */
async function open(owner: Owner, of: GeoFiles) {
  const errors: string[] = [];
  const reads: string[] = [];
  const events = {
    onError: ({ message }: Error) => void errors.push(message),
    onRead: (what: string) => void reads.push(what),
  };
  const origins = await Origins.open(of, events, 20);
  owner.after(() => origins.close());
  return { origins, errors, reads };
}

suite('the origin of an address', () => {
  test('is read from the formats of GeoLite2, DB-IP and IPinfo', async (t) => {
    const { origins, reads } = await open(t, await files(t, countries('DE'), networks));
    assert.deepEqual(origins.of('198.51.100.7'), { country: 'DE', asn: 64500, network: 'Example Net' });
    assert.deepEqual(origins.of('198.51.100.200'), { country: 'DE', asn: null, network: null });
    assert.deepEqual(origins.of('192.0.2.1'), { country: 'NL', asn: null, network: null });
    assert.deepEqual(origins.of('203.0.113.1'), { country: 'JP', asn: 64501, network: 'Beispiel  Netz' });
    assert.equal(origins.of('2001:db8::1').country, 'FR');
    assert.equal(originText(origins.of('198.51.100.7')), 'AS64500 Example Net, DE');
    for (const one of ['127.0.0.1', '2001:db9::1', 'several', ''])
      assert.deepEqual(origins.of(one), noOrigin(one), one);
    assert.deepEqual(reads, [
      'geo.country is GeoLite2-Country of 2023-11-14',
      'geo.asn is DBIP-ASN-Lite (compat=GeoLite2-ASN) of 2023-11-14',
    ]);
  });

  test('is not looked up in an IPv4 tree for an IPv6 address', async (t) => {
    const records = { '32.0.0.0/8': { country: { iso_code: 'DE' } } };
    const bytes = mmdb({ type: 'GeoLite2-Country', ipVersion: 4, records });
    const { origins } = await open(t, await files(t, bytes, null));
    assert.equal(origins.of('32.1.2.3').country, 'DE');
    assert.equal(origins.of('2001:db8::1').country, null);
  });

  test('changes when a file is replaced, and stays when the new file is unusable', async (t) => {
    const of = await files(t, countries('DE'), null);
    const { origins, errors } = await open(t, of);
    writeFileSync(`${of.country}.new`, countries('AT'));
    renameSync(`${of.country}.new`, of.country!);
    await eventually(() => origins.of('198.51.100.7').country === 'AT', 'the new file', 20_000);
    writeFileSync(of.country!, countries('CH').subarray(0, 300));
    await eventually(() => errors.length === 1, 'the short file is reported', 20_000);
    assert.match(errors[0]!, /^geo\.country: \S+ is not an MMDB file, or is truncated: download .* again/);
    assert.equal(origins.of('198.51.100.7').country, 'AT');
    writeFileSync(of.country!, countries('CH'));
    origins.reload();
    assert.equal(origins.of('198.51.100.7').country, 'CH');
  });

  test('is unknown in a damaged file, which is reported once', async (t) => {
    const bytes = countries('DE');
    // The record of 198.51.100.0/24 becomes a pointer far beyond the end.
    bytes.set([0x38, 0xff, 0xff, 0xff, 0xff], bytes.indexOf('country') - 2);
    const { origins, errors } = await open(t, await files(t, bytes, null));
    assert.equal(origins.of('198.51.100.7').country, null);
    assert.equal(origins.of('198.51.100.8').country, null);
    assert.equal(errors.length, 1);
    assert.match(errors[0]!, /^geo\.country: \S+ is damaged \(.*\): download it again$/);
  });
});

test('a missing, foreign or wrong file is reported with a fix', async (t) => {
  const { country, asn } = await files(t, countries('DE'), networks);
  assert.equal(geoFileFault(country!, 'country'), null);
  assert.equal(geoFileFault(asn!, 'asn'), null);
  assert.match(geoFileFault(asn!, 'country')!.message, /^has networks, not countries: it is DBIP-ASN-Lite/);
  assert.match(geoFileFault(country!, 'asn')!.fix, /and this file in geo\.country$/);
  assert.match(geoFileFault(`${country}.no`, 'country')!.fix, /^download GeoLite2-Country/);
  assert.match(geoFileFault(import.meta.filename, 'country')!.message, /^is not an MMDB file/);
  assert.match(geoFileFault(import.meta.dirname, 'country')!.message, /^can't be read \(EISDIR\)/);
});
