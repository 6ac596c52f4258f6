/**
 * The HTML report in a real Chromium: the style of the dashboard, both themes, phone widths, both languages.
 * SEKISHO_SCREENSHOTS=FOLDER keeps the screenshots there.
 */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { htmlReport } from '../../src/scan/html-report.ts';
import { textReport } from '../../src/scan/text-report.ts';
import { scanWords } from '../../src/words/scan.ts';
import { seriousFaults, startBrowser } from '../support/browser.ts';
import { Stops } from '../support/dashboard.ts';
import { without } from '../support/peers.ts';
import { tempDir } from '../support/temp-dir.ts';
import { scannedText } from './scanned.ts';

const shots = process.env.SEKISHO_SCREENSHOTS ?? `${tmpdir()}/sekisho-screenshots`;

const line = (client: string, request: string, status: number, bytes: number, hour: number): string =>
  `${client} - - [10/Oct/2024:${String(hour).padStart(2, '0')}:00:00 +0000] "${request} HTTP/1.1" ${status} ${bytes} "-" "-"\n`;

/** A probe of every outcome, and a long target that must not stretch the page. */
const log = [
  ...Array.from({ length: 20 }, (_, hour) => line('203.0.113.5', `GET /page${hour}`, 200, 5000 + hour, hour)),
  ...Array.from({ length: 9 }, (_, hour) =>
    line('192.0.2.7', 'GET http://www.example.com/azenv.php', 404, 300, hour),
  ),
  line('192.0.2.8', 'CONNECT mx.example.com:25', 200, 0, 3),
  line('192.0.2.8', 'CONNECT mx.example.com:25', 405, 200, 4),
  line(
    '198.51.100.9',
    `GET http://${'long.'.repeat(40)}example.com/<script>alert(1)</script>`,
    200,
    91_234,
    5,
  ),
  line('198.51.100.9', 'GET http://198.51.100.77/check', 502, 400, 6),
].join('');

suite('the report of a scan', { skip: without('chromium'), timeout: 120_000 }, () => {
  const stops = new Stops();
  let browser: Browser;
  let folder: string;
  before(async () => {
    mkdirSync(shots, { recursive: true });
    browser = await startBrowser(stops);
    folder = await tempDir(stops, 'report');
  });
  after(() => stops.run());

  for (const language of ['en', 'ja'] as const) {
    test(`in ${language} has no serious accessibility fault in either theme, and fits a phone`, async () => {
      const file = join(folder, `${language}.html`);
      await writeFile(file, htmlReport(await scannedText(log), language));
      const page = await browser.newPage({ viewport: { width: 1440, height: 1000 } });
      const asked: string[] = [];
      page.on('request', (request) => asked.push(request.url()));
      await page.goto(pathToFileURL(file).href);
      const papers = new Set<unknown>();
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        papers.add(await page.evaluate('getComputedStyle(document.body).backgroundColor'));
        await page.screenshot({ path: `${shots}/scan-${language}-${colorScheme}.png`, fullPage: true });
        assert.deepEqual(await seriousFaults(page), [], colorScheme);
      }
      // The dashboard's background colours.
      assert.deepEqual([...papers], ['rgb(246, 242, 234)', 'rgb(20, 21, 24)']);
      await page.emulateMedia({ colorScheme: 'light' });
      for (const width of [390, 320]) {
        await page.setViewportSize({ width, height: 844 });
        const wide = (await page.evaluate('document.documentElement.scrollWidth')) as number;
        assert.ok(wide <= width, `${wide} wide`);
      }
      await page.setViewportSize({ width: 390, height: 844 });
      await page.screenshot({ path: `${shots}/scan-${language}-phone.png`, fullPage: true });
      await page.getByRole('heading', { name: scanWords[language].lines }).waitFor();
      assert.deepEqual(asked, [pathToFileURL(file).href], 'it loads something');
      await page.close();
    });
  }
});

test('the Japanese text report is aligned, with double-width characters', async () => {
  const report = textReport(await scannedText(log), 'ja');
  assert.match(report, /^.*内訳: /);
  assert.match(report, /^手口別 +計/m);
  assert.doesNotMatch(report, /By technique|Lines to look at|What to change/);
});

test('the timeline ends where its last column does', async () => {
  const report = htmlReport(
    await scannedText(line('192.0.2.8', 'CONNECT mx.example.com:25', 405, 200, 4)),
    'en',
  );
  assert.match(
    report,
    /<p class="ends"><span>10 Oct 2024, 04:00:00 UTC<\/span>.*<span>10 Oct 2024, 05:00:00 UTC<\/span><\/p>/,
  );
});
