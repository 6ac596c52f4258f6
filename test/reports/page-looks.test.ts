/** The abuse report as a page in a real Chromium: it fits a screen and a phone, and no address or port is broken over lines. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { abuseReportPage } from '../../src/reports/abuse-report-page.ts';
import { seriousFaults, startBrowser } from '../support/browser.ts';
import { Stops } from '../support/dashboard.ts';
import { without } from '../support/peers.ts';
import { tempDir } from '../support/temp-dir.ts';
import { rowOf } from './rows.ts';

const by = { org: 'gate', contact: 'abuse@example.net' };
const nowhere = { country: null, asn: null, network: null };
const long = '2001:db9:ffff:ffff:ffff:ffff:ffff:ffff';

suite('the abuse report as a page', { skip: without('chromium'), timeout: 120_000 }, () => {
  const stops = new Stops();
  let browser: Browser;
  before(async () => {
    browser = await startBrowser(stops);
  });
  after(() => stops.run());

  for (const [what, row] of [
    [
      'IPv4',
      rowOf({ client: '198.51.100.201', clientPort: 65_535, localAddress: '192.0.2.180', localPort: 18_080 }),
    ],
    ['IPv6', rowOf({ client: long, clientPort: 65_535, localAddress: long, localPort: 18_080 })],
  ] as const)
    test(`with ${what} addresses`, async (t) => {
      const file = join(await tempDir(t, 'abuse-page'), 'report.html');
      await writeFile(file, abuseReportPage(row.client, [row], by, nowhere));
      const page = await browser.newPage({ viewport: { width: 1440, height: 1000 } });
      await page.goto(pathToFileURL(file).href);
      const lines = (await page.evaluate(
        `[...document.querySelectorAll('td.end')].map((cell) => {
          const range = document.createRange();
          range.selectNodeContents(cell);
          return range.getClientRects().length;
        })`,
      )) as number[];
      assert.deepEqual(lines, [1, 1]);
      assert.deepEqual(await seriousFaults(page), []);
      for (const width of [1440, 1000, 700, 390, 320]) {
        await page.setViewportSize({ width, height: 844 });
        const wide = (await page.evaluate('document.documentElement.scrollWidth')) as number;
        assert.ok(wide <= width, `${wide} wide at ${width}`);
      }
      await page.close();
    });
});
