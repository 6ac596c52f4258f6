/** Country and network wherever a client is shown: API, live feed, export, report, metrics. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseConfig } from '../../src/config/load.ts';
import { foreign, runCheckpoint, token } from '../support/checkpoint.ts';
import { mmdb } from '../support/mmdb.ts';
import { tempDir } from '../support/temp-dir.ts';

const country = (code: string) =>
  mmdb({ type: 'GeoLite2-Country', records: { '127.0.0.8/32': { country: { iso_code: code } } } });
const networks = mmdb({
  type: 'GeoLite2-ASN',
  records: {
    '127.0.0.0/28': { autonomous_system_number: 64500, autonomous_system_organization: '=Example, Net' },
  },
});
const known = { country: 'DE', asn: 64500, network: '=Example, Net' };

interface Told {
  readonly country: string | null;
  readonly asn: number | null;
  readonly network: string | null;
}
const told = ({ country, asn, network }: Told): Told => ({ country, asn, network });

test('where a client is from stands at it in events, summary, client, export and report; countries are counted', async (t) => {
  const folder = await tempDir(t, 'geo');
  const [first, second] = [join(folder, 'country.mmdb'), join(folder, 'asn.mmdb')];
  writeFileSync(first, country('DE'));
  writeFileSync(second, networks);
  const { probe, written, json, get, control, log } = await runCheckpoint(
    t,
    `geo: { country: ${first}, asn: ${second} }\n`,
  );
  const feed = await get('/api/stream');
  const reader = feed.body!.pipeThrough(new TextDecoderStream()).getReader();
  t.after(() => reader.cancel());
  await probe(foreign('www.example.com'), '127.0.0.8');
  await probe(foreign('www.example.com'), '127.0.0.99');
  await written(2);
  const { events } = await json<{ events: Told[] }>('/api/events?client=127.0.0.8');
  assert.deepEqual(events.map(told), [known]);
  assert.deepEqual(told(await json<Told>('/api/events/1')), known);
  assert.deepEqual(told(await json<Told>('/api/client?client=127.0.0.8%2F32')), known);
  const { sources } = await json<{ sources: (Told & { prefix: string })[] }>('/api/summary');
  assert.deepEqual(Object.fromEntries(sources.map((source) => [source.prefix, told(source)])), {
    '127.0.0.8/32': known,
    '127.0.0.99/32': { country: null, asn: null, network: null },
  });
  let live = '';
  while (!live.includes('127.0.0.99')) live += (await reader.read()).value;
  assert.match(live, /"country":"DE","asn":64500,"network":"=Example, Net"/);
  assert.match(await (await get('/api/export')).text(), /,DE,64500,"'=Example, Net"\r\n/);
  assert.match(
    await (await get('/api/report?client=127.0.0.8')).text(),
    /^Network: {3}AS64500 =Example, Net, DE$/m,
  );
  const metrics = await (await get('/metrics')).text();
  assert.match(metrics, /^sekisho_probes_by_country_total\{country="DE"\} 1$/m);
  assert.match(metrics, /^sekisho_probes_by_country_total\{country="unknown"\} 1$/m);

  // A reload reads the same files again; with none, nothing is known any more.
  writeFileSync(first, country('AT'));
  const config = (geo: string) =>
    parseConfig(
      `listen: ["127.0.0.1:0"]\nadmin: { listen: "127.0.0.1:0", token: ${token} }\n` +
        `sites: [{ hosts: [example.net], backend: welcome }]\n${geo}`,
      folder,
    );
  await (await control.prepare(config('geo: { country: country.mmdb, asn: asn.mmdb }'))).commit();
  assert.equal((await json<Told>('/api/client?client=127.0.0.8')).country, 'AT');
  await (await control.prepare(config('geo: { asn: asn.mmdb }'))).commit();
  assert.deepEqual(told(await json<Told>('/api/client?client=127.0.0.8')), { ...known, country: null });
  await (await control.prepare(config(''))).commit();
  assert.equal((await json<Told>('/api/client?client=127.0.0.8')).asn, null);
  assert.ok(log.some((line) => line.includes('geo.country is GeoLite2-Country of 2023-11-14')));
});
