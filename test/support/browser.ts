/** A real Chromium, driven by playwright-core. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';
import type { Owner } from './owner.ts';
import { peer } from './peers.ts';

/** Turns off Chromium's own traffic to its maker. */
const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** @param further flags of Chromium */
export async function startBrowser(owner: Owner, further: readonly string[] = []): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: peer('chromium')!,
    args: [...flags, ...further],
    timeout: 60_000,
  });
  owner.after(() => browser.close());
  return browser;
}

/** Builds the dashboard where its build is missing or old. */
export function buildDashboard(): void {
  execFileSync(process.execPath, ['src/dashboard/build.ts', '--if-needed'], {
    cwd: `${import.meta.dirname}/../..`,
    timeout: 60_000,
  });
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Serious and critical faults that axe-core finds on a page, a line each. */
export async function seriousFaults(page: Page): Promise<string[]> {
  // Past the content policy of the page, which would refuse a script that is not its own.
  await page.evaluate(axe);
  const { violations } = (await page.evaluate('axe.run()')) as {
    violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[];
  };
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)}: ${failureSummary}`),
    );
}
