/** The first look in a real Chromium: the test command, the default time range, whole axis labels; and the page of a client. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { dashboardWords } from '../../src/words/dashboard.ts';
import { foreign } from '../support/checkpoint.ts';
import { startDashboard } from '../support/dashboard.ts';
import { freePort } from '../support/free-port.ts';
import { without } from '../support/peers.ts';
import { probeEventOf } from '../support/probe-events.ts';

const options = { skip: without('chromium'), timeout: 120_000 };
const { ranges } = dashboardWords.en.frame;
const chosen = (page: Page): Promise<unknown> =>
  page.evaluate(`document.querySelector('.range :checked').parentElement.innerText`);

/** Whether the plot has ink at its left and right edge, as a label that is cut off has. */
const atEdges = `(() => {
  const canvas = document.querySelector('.chart canvas');
  const { width, height } = canvas;
  const context = canvas.getContext('2d');
  const inked = (x) => context.getImageData(x, 0, 1, height).data.some((value) => value !== 0);
  return [inked(0), inked(width - 1)];
})()`;

test(
  'an empty dashboard shows a test command, and the default time range fits the data',
  options,
  async (t) => {
    const { checkpoint, open, show } = await startDashboard(t, `listen: ["127.0.0.1:${await freePort()}"]\n`);
    const { page, faults } = await open();
    await page.getByText('To see how a probe looks, send one yourself:').waitFor();
    const knock = page.getByRole('region', { name: 'A command that requests a page of another server' });
    assert.match(
      (await knock.textContent())!,
      /^curl .*-x http:\/\/127\.0\.0\.1:\d+ http:\/\/www\.example\.com\//,
    );
    assert.equal(await chosen(page), '15 min');

    await checkpoint.probe(foreign('www.example.com'), '127.0.0.8');
    await page.locator('.chart canvas').waitFor();
    assert.equal(await chosen(page), '15 min', 'minutes after a start');

    checkpoint.control.onEvent(probeEventOf({ time: Date.now() - 3 * 3_600_000 }));
    await checkpoint.written(2);
    await page.reload();
    await page.locator('.chart canvas').waitFor();
    await page.waitForFunction(`document.querySelector('.range :checked').parentElement.innerText === '6 h'`);

    for (const width of [1440, 390]) {
      await page.setViewportSize({ width, height: 1000 });
      for (const name of ranges) {
        await page.locator('.range label', { hasText: name }).first().click();
        await page.locator('.chart canvas').waitFor();
        await page.evaluate(
          'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))',
        );
        assert.deepEqual(await page.evaluate(atEdges), [false, false], `${name} at ${width}`);
      }
    }
    await show(page, 'client/127.0.0.8%2F32');
    await page.getByText('First seen').waitFor();
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    assert.ok(!asked.includes('/api/name'));
    await page.getByRole('button', { name: 'Look up in DNS' }).click();
    await page
      .getByRole('status')
      .filter({ hasText: /localhost|it has none|\w/ })
      .last()
      .waitFor();
    assert.ok(asked.includes('/api/name'));
    assert.deepEqual(faults, []);
  },
);
