/** Where probes come from: the API, and the dashboard in a real Chromium. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { OriginsAnswer } from '../../src/admin/origins-types.ts';
import { buildDashboard, seriousFaults, startBrowser } from '../support/browser.ts';
import { type RunningCheckpoint, runCheckpoint } from '../support/checkpoint.ts';
import { login, Stops } from '../support/dashboard.ts';
import { mmdb } from '../support/mmdb.ts';
import { without } from '../support/peers.ts';
import { probeEventOf } from '../support/probe-events.ts';
import { tempDir } from '../support/temp-dir.ts';

const shots = process.env.SEKISHO_SCREENSHOTS ?? `${tmpdir()}/sekisho-screenshots`;

const countries = mmdb({
  type: 'GeoLite2-Country',
  records: {
    '198.51.100.0/24': { country: { iso_code: 'JP' } },
    '10.0.0.0/8': { country: { iso_code: 'NL' } },
  },
});
const systems = mmdb({
  type: 'GeoLite2-ASN',
  records: {
    '198.51.100.0/24': { autonomous_system_number: 64500, autonomous_system_organization: 'Example Net' },
  },
});

suite('where probes come from', () => {
  const stops = new Stops();
  let checkpoint: RunningCheckpoint;
  before(async () => {
    mkdirSync(shots, { recursive: true });
    const folder = await tempDir(stops, 'origins');
    const [country, asn] = [join(folder, 'country.mmdb'), join(folder, 'asn.mmdb')];
    writeFileSync(country, countries);
    writeFileSync(asn, systems);
    checkpoint = await runCheckpoint(stops, `geo: { country: ${country}, asn: ${asn} }\n`);
    const { control, written } = checkpoint;
    const probe = (client: string) => control.onEvent(probeEventOf({ client, time: Date.now() }));
    // The 50 busiest sources have a network each; a hundred quiet ones together are busier.
    for (let n = 1; n <= 60; n++) for (let times = 0; times < 3; times++) probe(`10.${n}.0.1`);
    for (let n = 1; n <= 100; n++) probe(`198.51.100.${n}`);
    probe('2001:db8:1:2::3');
    probe('2001:db8:1:ffff::3');
    await written(282);
  });
  after(() => stops.run());

  test('is summed over all sources, not only the busiest', async () => {
    const origins = await checkpoint.json<OriginsAnswer>('/api/origins');
    assert.equal(origins.clients, 162);
    const { last, ...first } = origins.networks[0]!;
    assert.deepEqual(first, {
      prefix: '198.51.100.0/24',
      count: 100,
      clients: 100,
      country: 'JP',
      asn: 64500,
      network: 'Example Net',
    });
    assert.ok(Math.abs(Date.parse(last) - Date.now()) < 600_000);
    assert.deepEqual(origins.countries, [
      { country: 'NL', count: 180, clients: 60 },
      { country: 'JP', count: 100, clients: 100 },
      { country: null, count: 2, clients: 2 },
    ]);
    assert.deepEqual(origins.systems, [{ asn: 64500, network: 'Example Net', count: 100, clients: 100 }]);
    assert.equal(origins.networks.length, 50);
    assert.deepEqual([origins.others, origins.cut], [{ count: 0, clients: 0 }, false]);
    assert.equal((await checkpoint.get('/api/origins?from=2&to=1')).status, 400);
    const longer = await checkpoint.json<OriginsAnswer>(`/api/origins?from=${Date.now() - 20 * 86_400_000}`);
    assert.deepEqual(longer.countries, origins.countries);
  });

  test('an IPv6 network is the /48', async () => {
    const from = Date.now() - 3_600_000;
    const { networks } = await checkpoint.json<OriginsAnswer>(`/api/origins?from=${from}`);
    assert.ok(!networks.some(({ prefix }) => prefix.endsWith('/64')));
  });

  test('is on the Sources page by country, provider and network, with first and last seen', {
    skip: without('chromium'),
    timeout: 120_000,
  }, async (t) => {
    buildDashboard();
    const browser = await startBrowser(t);
    const page = await browser.newPage({ viewport: { width: 1440, height: 1000 } });
    const outside: string[] = [];
    page.on('request', (request) => {
      if (!request.url().startsWith(checkpoint.admin)) outside.push(request.url());
    });
    await login(page, checkpoint.admin);
    await page.goto(`${checkpoint.admin}/#/who`);
    await page
      .getByRole('listitem')
      .filter({ hasText: '198.51.100.0/24 100 clients' })
      .filter({ hasText: 'AS64500 Example Net, Japan' })
      .waitFor();
    await page.getByRole('listitem').filter({ hasText: 'Netherlands 60 clients' }).waitFor();
    const map = page.getByRole('img', { name: 'Where they come from' });
    const marks = await map
      .locator('circle')
      .evaluateAll((circles) =>
        circles.map((circle) => [circle.textContent, Number(circle.getAttribute('r'))]),
      );
    assert.deepEqual(
      marks.map(([name]) => name),
      ['Netherlands: 180', 'Japan: 100'],
    );
    assert.ok((marks[0]![1] as number) > (marks[1]![1] as number), 'the busiest is the largest');
    await page.getByRole('columnheader', { name: 'First seen' }).waitFor();
    assert.ok((await page.locator('td[data-label="First seen"] time').count()) > 0);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: `${shots}/origins-${colorScheme}.png`, fullPage: true });
      assert.deepEqual(await seriousFaults(page), [], colorScheme);
    }
    await page.setViewportSize({ width: 390, height: 844 });
    const wide = (await page.evaluate('document.documentElement.scrollWidth')) as number;
    assert.ok(wide <= 390, `${wide} wide`);
    await page.screenshot({ path: `${shots}/origins-phone.png`, fullPage: true });
    await page.goto(`${checkpoint.admin}/#/client/198.51.100.7%2F32`);
    await page.getByText('AS64500 Example Net, Japan').waitFor();
    assert.deepEqual(outside, []);
  });
});

suite('a flood of more sources than are told apart', () => {
  const stops = new Stops();
  const sources = 2300;
  let checkpoint: RunningCheckpoint;
  before(async () => {
    checkpoint = await runCheckpoint(stops);
    const { control, written } = checkpoint;
    for (let n = 0; n < sources; n++)
      control.onEvent(probeEventOf({ client: `198.51.${n >> 8}.${n & 255}`, time: Date.now() }));
    await written(sources);
  });
  after(() => stops.run());

  test('is said in the answer, which counts every probe', async () => {
    for (const length of [86_400_000, 3_600_000]) {
      const from = Date.now() - length;
      const { clients, networks, others, cut } = await checkpoint.json<OriginsAnswer>(
        `/api/origins?from=${from}`,
      );
      assert.ok(cut && clients < sources, `${clients} sources`);
      assert.equal(
        networks.reduce((sum, { count }) => sum + count, others.count),
        sources,
      );
    }
  });

  test('is said on the page, with the least number of sources', {
    skip: without('chromium'),
    timeout: 120_000,
  }, async (t) => {
    buildDashboard();
    const page = await (await startBrowser(t)).newPage();
    await login(page, checkpoint.admin);
    await page.goto(`${checkpoint.admin}/#/who`);
    const { clients } = await checkpoint.json<OriginsAnswer>('/api/origins');
    const least = new Intl.NumberFormat('en').format(clients);
    await page.getByText(`More sources than are told apart one by one: at least ${least}.`).waitFor();
    await page.getByRole('listitem').filter({ hasText: 'others (flood)' }).waitFor();
  });
});
