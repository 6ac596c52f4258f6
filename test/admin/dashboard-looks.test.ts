/**
 * How the dashboard looks: to axe-core, in both themes, and on a phone. With SEKISHO_SCREENSHOTS=FOLDER the pictures that are
 * taken on the way are kept there.
 */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after, before, suite, test } from 'node:test';
import type { Page } from 'playwright-core';
import { seriousFaults } from '../support/browser.ts';
import { foreign } from '../support/checkpoint.ts';
import { type Dashboard, Stops, startDashboard, views } from '../support/dashboard.ts';
import { without } from '../support/peers.ts';

const shots = process.env.SEKISHO_SCREENSHOTS ?? `${tmpdir()}/sekisho-screenshots`;

async function picture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `${shots}/${name}.png`, fullPage: name.endsWith('phone') });
}

suite('the looks of the dashboard', { skip: without('chromium'), timeout: 170_000 }, () => {
  const stops = new Stops();
  let dashboard: Dashboard;
  before(async () => {
    mkdirSync(shots, { recursive: true });
    dashboard = await startDashboard(stops);
    const { probe, written } = dashboard.checkpoint;
    await probe(foreign('www.example.com', '/azenv.php'), '127.0.0.8');
    await probe('CONNECT mx.example.com:25 HTTP/1.1\r\nHost: mx.example.com:25\r\n\r\n', '127.0.0.9');
    await written(2);
  });
  after(() => stops.run());

  test('has no serious fault that axe-core finds in either theme, and fits a phone', async () => {
    const { page } = await dashboard.open();
    const check = async (view: string, name: string) => {
      await picture(page, `${view.replace('/', '-')}-${name}`);
      assert.deepEqual(await seriousFaults(page), [], `${view} ${name}`);
    };
    for (const view of views) {
      await page.setViewportSize({ width: 1280, height: 860 });
      await dashboard.show(page, view);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        await check(view, colorScheme);
      }
      await page.emulateMedia({ colorScheme: 'light' });
      await page.setViewportSize({ width: 390, height: 844 });
      await picture(page, `${view.replace('/', '-')}-phone`);
      const [wide, width] = (await page.evaluate(
        '[document.documentElement.scrollWidth, innerWidth]',
      )) as number[];
      assert.ok(wide! <= width!, `${view} is ${wide} wide`);
    }
    await dashboard.show(page, 'bans');
    await page.getByRole('button', { name: 'Ban a prefix' }).click();
    await check('dialog', 'phone');
  });

  test('the page that asks for the token has none either', async () => {
    const page = await dashboard.browser.newPage();
    await page.goto(dashboard.checkpoint.admin);
    assert.deepEqual(await seriousFaults(page), []);
    await page.close();
  });
});
