/**
 * The site that `npm run site` builds: it has every page, every link leads somewhere, it loads nothing external, and axe-core finds no
 * serious fault, in both themes and on a phone. SEKISHO_SCREENSHOTS=FOLDER keeps the screenshots.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { buildSite } from '../../docs/site/build.ts';
import { placeOf } from '../../docs/site/places.ts';
import { seriousFaults, startBrowser } from '../support/browser.ts';
import { without } from '../support/peers.ts';
import { tempDir } from '../support/temp-dir.ts';
import { pages } from './markdown.ts';

const folder = await tempDir({ after }, 'site');
const written = buildSite(folder);
const documents = new Map(
  written
    .filter((place) => place.endsWith('.html'))
    .map((place) => [place, readFileSync(join(folder, place), 'utf8')]),
);

const targets = (html: string): string[] =>
  [...html.matchAll(/ (?:href|src)="([^"]*)"/g)].map(([, to]) => to!);

const text = (html: string): string =>
  html.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&');

suite('the site', () => {
  for (const page of pages) {
    test(`has ${page.path}, with its headings and code`, () => {
      const html = documents.get(placeOf(page.path));
      assert.ok(html !== undefined, 'not written');
      const shown = [...html.matchAll(/<pre[^>]*><code[^>]*>([\s\S]*?)<\/code><\/pre>/g)].map(([, code]) =>
        text(code!),
      );
      assert.deepEqual(
        shown,
        page.blocks.map((block) => block.text),
      );
      for (const anchor of page.anchors) assert.ok(html.includes(` id="${anchor}"`), `no #${anchor}`);
    });
  }

  test('has no dead link', () => {
    for (const [place, html] of documents) {
      for (const to of targets(html)) {
        if (/^[a-z]+:/.test(to)) continue;
        const [file = '', anchor] = text(to).split('#');
        const target = file === '' ? place : posix.join(dirname(place), decodeURI(file));
        assert.ok(written.includes(target), `${place}: ${to}`);
        assert.ok(existsSync(join(folder, target)), `${place}: ${to}`);
        if (anchor === undefined) continue;
        const id = ` id="${decodeURIComponent(anchor)}"`;
        assert.ok(documents.get(target)?.includes(id), `${place}: ${to} has no such place`);
      }
    }
  });

  test('links from the front page to every page', () => {
    const seen = new Set(['index.html']);
    for (const place of seen) {
      for (const to of targets(documents.get(place) ?? '')) {
        const file = to.split('#')[0]!;
        if (file !== '' && !/^[a-z]+:/.test(file)) seen.add(posix.join(dirname(place), decodeURI(file)));
      }
    }
    assert.deepEqual(
      written.filter((place) => !seen.has(place)),
      [],
    );
  });

  test('loads nothing external, and runs no script', () => {
    for (const [place, html] of documents) {
      assert.doesNotMatch(html, /<script|<iframe|<object|@import|\ssrc="(?:https?:)?\/\//i, place);
      for (const [, href] of html.matchAll(/<link[^>]* href="([^"]*)"/g))
        assert.doesNotMatch(href!, /^(?:https?:)?\/\//, place);
    }
    assert.doesNotMatch(readFileSync(join(folder, 'style.css'), 'utf8'), /url\(|@import/);
  });

  test('declares the language of each page', () => {
    for (const [place, html] of documents)
      assert.match(html, place.endsWith('.ja.html') ? /<html lang="ja">/ : /<html lang="en">/, place);
  });
});

suite('the layout of the site', { skip: without('chromium'), timeout: 170_000 }, () => {
  const stops: (() => unknown)[] = [];
  let browser: Browser;
  before(async () => {
    browser = await startBrowser({ after: (stop) => stops.push(stop) });
  });
  after(async () => {
    for (const stop of stops) await stop();
  });
  const shots = process.env.SEKISHO_SCREENSHOTS;

  for (const place of [
    'index.html',
    'README.ja.html',
    'docs/index.html',
    'docs/tutorial/protect-apache.html',
    'docs/reference/rules.html',
    'docs/reference/api.html',
    'config/examples/behind-apache/index.html',
  ]) {
    test(`${place} has no serious fault in either theme, and fits a phone`, async () => {
      const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
      await page.goto(pathToFileURL(join(folder, place)).href);
      const name = place.replace(/\.html$/, '').replaceAll('/', '-');
      const picture = async (look: string): Promise<void> => {
        if (shots === undefined) return;
        mkdirSync(shots, { recursive: true });
        await page.screenshot({ path: join(shots, `site-${name}-${look}.png`) });
      };
      const papers = new Set<unknown>();
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        papers.add(await page.evaluate('getComputedStyle(document.body).backgroundColor'));
        await picture(colorScheme);
        assert.deepEqual(await seriousFaults(page), [], colorScheme);
      }
      assert.equal(papers.size, 2, 'both themes are the same');
      await page.emulateMedia({ colorScheme: 'light' });
      await page.setViewportSize({ width: 390, height: 844 });
      await picture('phone');
      const [wide, width] = (await page.evaluate(
        '[document.documentElement.scrollWidth, innerWidth]',
      )) as number[];
      assert.ok(wide! <= width!, `${wide} wide`);
      assert.deepEqual(await seriousFaults(page), [], 'phone');
      await page.close();
    });
  }
});
