/** The dashboard of a real checkpoint, in a real Chromium. */
import type { Browser, Page } from 'playwright-core';
import { dashboardWords } from '../../src/words/dashboard.ts';
import type { Language } from '../../src/words/language.ts';
import { buildDashboard, startBrowser } from './browser.ts';
import { type RunningCheckpoint, runCheckpoint, token } from './checkpoint.ts';
import type { Owner } from './owner.ts';

/** Every page of the dashboard. */
export const views = ['now', 'who', 'client/127.0.0.8%2F32', 'wanted', 'events', 'event/1', 'bans', 'health'];

/** Milliseconds to wait for anything on the page. */
const patience = 30_000;

const inDays = (days: number): number => Date.now() + days * 86_400_000;

/** One valid, one that could not be renewed, one not issued yet. */
const ordered = {
  orders: { issued: 1, failed: 2 },
  states: [
    { host: 'www.example.net', notAfter: inDays(60.1), next: inDays(30), trouble: null },
    {
      host: 'mail.example.net',
      notAfter: inDays(5.1),
      next: inDays(0.1),
      trouble: 'rateLimited: too many orders',
    },
    { host: 'new.example.net', notAfter: null, next: inDays(0), trouble: null },
  ],
};

/** One valid, one that can not be renewed, one of a revoked certificate. */
const staples = [
  { host: 'pay.example.net', key: 'ec', fetched: inDays(-2), until: inDays(5.1), trouble: null },
  {
    host: 'pay.example.net',
    key: 'rsa',
    fetched: inDays(-6.9),
    until: inDays(0.11),
    trouble: 'no OCSP response for it: the responder answered 503; the last one is valid for a while',
  },
  {
    host: 'old.example.net',
    key: 'ec',
    fetched: null,
    until: null,
    trouble: 'its authority has revoked it, since 2026-01-02T03:04:05.000Z: replace it',
  },
].map((staple, index) => ({ ...staple, serial: `0${index}`, urgent: staple.trouble !== null }));

export interface Dashboard {
  readonly browser: Browser;
  readonly checkpoint: RunningCheckpoint;
  /** A logged-in page, its errors, and its requests to other hosts. @param language of the browser */
  open(language?: Language): Promise<{ page: Page; faults: string[] }>;
  /** Goes to a view and waits until its data is there. */
  show(page: Page, view: string): Promise<void>;
}

/** @param more of the config, as YAML */
export async function startDashboard(owner: Owner, more = ''): Promise<Dashboard> {
  buildDashboard();
  const browser = await startBrowser(owner);
  const checkpoint = await runCheckpoint(
    owner,
    `bans: { after: 1000 }\ntrustedProxies: [127.0.0.1/32]\n${more}`,
    '',
    ordered,
    staples,
    {
      '/etc/ssl/shop/fullchain.pem':
        '/etc/ssl/shop/privkey.pem is not the key of /etc/ssl/shop/fullchain.pem: name the private key of this certificate',
    },
  );
  const { admin } = checkpoint;
  return {
    browser,
    checkpoint,
    open: async (language = 'en') => {
      const viewport = { width: 1280, height: 860 };
      const context = await browser.newContext({ viewport, locale: { en: 'en-GB', ja: 'ja-JP' }[language] });
      owner.after(() => context.close());
      const page = await context.newPage();
      page.setDefaultTimeout(patience);
      const faults: string[] = [];
      page.on('pageerror', (error) => faults.push(error.message));
      page.on('dialog', (dialog) => {
        faults.push(`a dialog: ${dialog.message()}`);
        void dialog.dismiss();
      });
      page.on('console', (message) => {
        if (message.type() === 'error' && !message.text().includes('401')) faults.push(message.text());
      });
      page.on('request', (request) => {
        if (!request.url().startsWith(admin)) faults.push(`asks ${request.url()}`);
      });
      await login(page, admin, language);
      return { page, faults };
    },
    show: async (page, view) => {
      await page.goto(`${admin}/#/${view}`);
      await page.locator('main .card').first().waitFor();
      const loading = page.locator('.skeleton');
      while ((await loading.count()) > 0) await loading.first().waitFor({ state: 'detached' });
    },
  };
}

export async function login(page: Page, admin: string, language: Language = 'en'): Promise<void> {
  const { login: words, frame } = dashboardWords[language];
  await page.goto(admin);
  await page.getByLabel(words.token).fill(token);
  await page.getByRole('button', { name: words.open }).click();
  await page.getByText(frame.live, { exact: true }).waitFor();
}

/** For a suite: `before` and `after` of node:test, since an owner's `after` within `before` ends with it. */
export class Stops implements Owner {
  readonly #stops: (() => unknown)[] = [];

  after(stop: () => unknown): void {
    this.#stops.push(stop);
  }

  async run(): Promise<void> {
    for (const stop of this.#stops.reverse()) await stop();
  }
}
