/**
 * The layout of the dashboard, and its accessibility by axe-core, in both themes and on a phone. SEKISHO_SCREENSHOTS=FOLDER keeps
 * the screenshots.
 */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after, before, suite, test } from 'node:test';
import type { Page } from 'playwright-core';
import { seriousFaults } from '../support/browser.ts';
import { foreign, token } from '../support/checkpoint.ts';
import { type Dashboard, Stops, startDashboard, views } from '../support/dashboard.ts';
import { without } from '../support/peers.ts';

const shots = process.env.SEKISHO_SCREENSHOTS ?? `${tmpdir()}/sekisho-screenshots`;

/** Elements that overflow the padding of their card, unless a parent clips or scrolls. */
const stickingOut = `[...document.querySelectorAll('.card')].flatMap((card) => {
  const end = card.getBoundingClientRect().right - parseFloat(getComputedStyle(card).paddingRight);
  const cut = (element) =>
    element !== card && (getComputedStyle(element).overflowX !== 'visible' || cut(element.parentElement));
  return [...card.querySelectorAll('*')]
    .filter((one) => one.getBoundingClientRect().right > end + 8.5 && !cut(one.parentElement) && !one.closest('.hidden'))
    .map((one) => one.outerHTML.slice(0, 100));
})`;

async function picture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `${shots}/${name}.png`, fullPage: name.endsWith('phone') });
}

suite('the layout of the dashboard', { skip: without('chromium'), timeout: 170_000 }, () => {
  const stops = new Stops();
  let dashboard: Dashboard;
  before(async () => {
    mkdirSync(shots, { recursive: true });
    dashboard = await startDashboard(stops);
    const { probe, written } = dashboard.checkpoint;
    await probe(foreign('www.example.com', '/azenv.php'), '127.0.0.8');
    await probe('CONNECT mx.example.com:25 HTTP/1.1\r\nHost: mx.example.com:25\r\n\r\n', '127.0.0.9');
    const long = `a-long-name.${'deep.'.repeat(30)}example.com`;
    await probe(foreign(long, `/${'one-long-word'.repeat(40)}`), '127.0.0.8');
    const behind = (client: string) =>
      foreign('[2001:db8:1234:5678:9abc:def0:1234:5678]:8080').replace(
        '\r\n\r\n',
        `\r\nX-Forwarded-For: ${client}\r\n\r\n`,
      );
    for (const client of ['2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', '198.51.100.201', '2001:db8:5a:1::2'])
      await probe(behind(client));
    await written(6);
    for (const [prefix, reason] of [
      ['2001:db8:ffff:ffff::/64', 'w'.repeat(200)],
      ['198.51.100.0/24', 'a scan'],
    ] as const)
      await fetch(`${dashboard.checkpoint.admin}/api/bans`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ prefix, reason }),
      });
    await probe(behind('2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'));
    await written(7);
  });
  after(() => stops.run());

  test('has no serious axe-core finding in either theme, and fits a phone', async () => {
    const { page } = await dashboard.open();
    const check = async (view: string, name: string) => {
      await picture(page, `${view.replace('/', '-')}-${name}`);
      assert.deepEqual(await seriousFaults(page), [], `${view} ${name}`);
    };
    for (const view of [...views, 'event/3', 'event/7', 'events?client=127.0.0.8']) {
      await page.setViewportSize({ width: 1280, height: 860 });
      await dashboard.show(page, view);
      // A /32 is shown as an address.
      const said = (await page.evaluate(
        `document.querySelector('main').innerText + [...document.querySelectorAll('main input')].map((one) => one.value)`,
      )) as string;
      assert.ok(!said.includes('/32'), view);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        await check(view, colorScheme);
      }
      await page.emulateMedia({ colorScheme: 'light' });
      await page.setViewportSize({ width: 390, height: 844 });
      await picture(page, `${view.replace('/', '-')}-phone`);
      for (const width of [390, 320]) {
        await page.setViewportSize({ width, height: 844 });
        // The plot is redrawn in the next frame.
        await page.evaluate(
          'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))',
        );
        const wide = (await page.evaluate('document.documentElement.scrollWidth')) as number;
        assert.ok(wide <= width, `${view} is ${wide} wide`);
        assert.deepEqual(await page.evaluate(stickingOut), [], `${view} at ${width}`);
      }
    }
    await dashboard.show(page, 'bans');
    await page.getByRole('button', { name: 'Ban a prefix' }).click();
    await check('dialog', 'phone');
  });

  test('aligns the lines of a list, whatever a sender wrote', async () => {
    const { page } = await dashboard.open();
    await dashboard.show(page, 'events');
    const edges = (await page.evaluate(`(() => {
      const boxes = [...document.querySelectorAll('.filters input, .filters select')].map((one) => one.getBoundingClientRect());
      return [boxes.map((box) => Math.round(box.top)), boxes.map((box) => Math.round(box.height)),
        [...document.querySelectorAll('.event')].map((one) => Math.round(one.getBoundingClientRect().height))];
    })()`)) as number[][];
    for (const [index, what] of ['filters begin', 'filters are high', 'lines are high'].entries())
      assert.equal(new Set(edges[index]).size, 1, `${what}: ${String(edges[index])}`);
    const request = page.locator('.event-request').first();
    assert.ok((await request.boundingBox())!.width > 400);
  });

  test('truncates the heading of an event to a few lines, with the full text below', async () => {
    const { page } = await dashboard.open();
    await page.setViewportSize({ width: 390, height: 844 });
    await dashboard.show(page, 'event/3');
    assert.ok((await page.locator('.verdict').boundingBox())!.height < 180);
    await page.locator('.facts code', { hasText: /^http:\/\/a-long-name.*one-long-word/ }).waitFor();
  });

  test('has no serious axe-core finding on the login page', async () => {
    const page = await dashboard.browser.newPage();
    await page.goto(dashboard.checkpoint.admin);
    assert.deepEqual(await seriousFaults(page), []);
    await page.close();
  });
});
