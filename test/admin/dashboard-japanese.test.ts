/** The dashboard in Japanese, in a real Chromium: every view, and the language switch. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after, before, suite, test } from 'node:test';
import { dashboardWords } from '../../src/words/dashboard.ts';
import { seriousFaults } from '../support/browser.ts';
import { foreign } from '../support/checkpoint.ts';
import { type Dashboard, Stops, startDashboard, views } from '../support/dashboard.ts';
import { without } from '../support/peers.ts';

const shots = process.env.SEKISHO_SCREENSHOTS ?? `${tmpdir()}/sekisho-screenshots`;

const texts = (value: unknown): string[] =>
  typeof value === 'string'
    ? [value]
    : typeof value === 'object' && value !== null
      ? Object.values(value).flatMap(texts)
      : [];

/** Texts of the English catalogue that the Japanese one does not have. */
const english = new Set(texts(dashboardWords.en).filter((text) => !texts(dashboardWords.ja).includes(text)));

/** Every visible text and every label. */
const shown = `(() => {
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) texts.push(walker.currentNode.data.trim());
  for (const element of document.querySelectorAll('[aria-label], [placeholder], [data-label], [title]'))
    for (const name of ['aria-label', 'placeholder', 'data-label', 'title']) texts.push(element.getAttribute(name) ?? '');
  return texts;
})()`;

suite('the dashboard in Japanese', { skip: without('chromium'), timeout: 170_000 }, () => {
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

  test('is completely in Japanese in every view, and fits a phone', async () => {
    const { page, faults } = await dashboard.open('ja');
    for (const view of views) {
      await page.setViewportSize({ width: 1280, height: 860 });
      await dashboard.show(page, view);
      assert.equal(await page.evaluate('document.documentElement.lang'), 'ja');
      const left = ((await page.evaluate(shown)) as string[]).filter((text) => english.has(text));
      assert.deepEqual(left, [], view);
      await page.screenshot({ path: `${shots}/ja-${view.replace('/', '-')}.png` });
      await page.setViewportSize({ width: 390, height: 844 });
      // The plot is redrawn in the next frame.
      await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
      const wide = (await page.evaluate('document.documentElement.scrollWidth')) as number;
      assert.ok(wide <= 390, `${view} is ${wide} wide`);
      await page.screenshot({ path: `${shots}/ja-${view.replace('/', '-')}-phone.png`, fullPage: true });
      assert.deepEqual(await seriousFaults(page), [], view);
    }
    assert.deepEqual(faults, []);
  });

  test('is chosen by a switch, which the login page follows', async () => {
    const { page } = await dashboard.open();
    await dashboard.show(page, 'events');
    await page.getByRole('button', { name: '日本語' }).click();
    await page.getByRole('heading', { name: 'イベント', exact: true }).waitFor();
    await page.getByRole('button', { name: 'ログアウト' }).click();
    await page.getByLabel('トークン').waitFor();
    assert.equal(await page.evaluate('document.documentElement.lang'), 'ja');
  });

  test('is chosen by Accept-Language, with a Vary header for caches', async () => {
    const answer = await fetch(dashboard.checkpoint.admin, {
      headers: { accept: 'text/html', 'accept-language': 'ja-JP,ja;q=0.9,en;q=0.5' },
    });
    assert.match(await answer.text(), /<html lang="ja">[\s\S]*ログイン/);
    assert.equal(answer.headers.get('vary'), 'Accept-Language, Cookie');
  });
});
