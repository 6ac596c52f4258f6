/**
 * The screenshots of the dashboard in the pages: `node docs/generate/pictures.ts`. A real checkpoint gets a day of judged probes,
 * a real Chromium shows them.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { compile } from '../../src/config/compile.ts';
import { parseConfig } from '../../src/config/load.ts';
import { probeEvent } from '../../src/events/probe-event.ts';
import { explain } from '../../src/explain/explain.ts';
import type { Language } from '../../src/words/language.ts';
import { buildDashboard, startBrowser } from '../../test/support/browser.ts';
import { runCheckpoint, token } from '../../test/support/checkpoint.ts';
import { login, Stops } from '../../test/support/dashboard.ts';
import { mmdb } from '../../test/support/mmdb.ts';
import { tempDir } from '../../test/support/temp-dir.ts';

const images = join(import.meta.dirname, '../images');
const hour = 3_600_000;

const connect = 'CONNECT mx.example.com:25 HTTP/1.1\r\nHost: mx.example.com:25\r\n\r\n';
const judgePage = 'GET http://www.example.com/azenv.php HTTP/1.1\r\nHost: www.example.com\r\n\r\n';
const socks = '\x05\x01\x00';
const foreignHost = 'GET / HTTP/1.1\r\nHost: shop.example.org\r\n\r\n';
const urlInPath = 'GET /http://www.example.com/ HTTP/1.1\r\nHost: www.example.net\r\n\r\n';

/** What was sent, from where, how many hours ago, how often. */
const day: readonly (readonly [bytes: string, client: string, ago: number, times: number])[] = [
  [connect, '198.51.100.23', 22.5, 1],
  [urlInPath, '198.51.100.77', 22, 1],
  [socks, '203.0.113.5', 18, 1],
  [connect, '203.0.113.9', 17.8, 2],
  [judgePage, '192.0.2.44', 14, 3],
  [foreignHost, '192.0.2.45', 13, 1],
  [socks, '203.0.113.5', 9.7, 3],
  [connect, '198.51.100.23', 5.6, 9],
  [judgePage, '203.0.113.9', 5.2, 5],
  [foreignHost, '192.0.2.45', 4.7, 2],
  [connect, '203.0.113.120', 4.2, 4],
  [judgePage, '192.0.2.44', 3.6, 7],
  [socks, '198.51.100.200', 3.2, 4],
  [connect, '198.51.100.23', 2.6, 13],
  [urlInPath, '198.51.100.77', 2.3, 4],
  [foreignHost, '192.0.2.45', 1.8, 6],
  [judgePage, '203.0.113.9', 1.4, 12],
  [socks, '198.51.100.200', 1.1, 6],
  [connect, '203.0.113.120', 0.7, 17],
  [judgePage, '192.0.2.44', 0.4, 11],
  [urlInPath, '198.51.100.77', 0.3, 5],
  [socks, '198.51.100.200', 0.2, 6],
  [connect, '198.51.100.23', 0.1, 11],
];

const networks: readonly (readonly [prefix: string, country: string, asn: number, name: string])[] = [
  ['198.51.100.0/25', 'US', 64500, 'Example Hosting'],
  ['198.51.100.128/25', 'CN', 64501, 'Example Telecom'],
  ['203.0.113.0/26', 'NL', 64502, 'Example Transit'],
  ['203.0.113.64/26', 'BR', 64503, 'Example Cable'],
  ['192.0.2.0/24', 'DE', 64504, 'Example Cloud'],
];

const owner = new Stops();
try {
  buildDashboard();
  const folder = await tempDir(owner, 'pictures');
  const [country, asn] = [join(folder, 'country.mmdb'), join(folder, 'asn.mmdb')];
  const records = (
    of: (network: (typeof networks)[number]) => Parameters<typeof mmdb>[0]['records'][string],
  ) => Object.fromEntries(networks.map((network) => [network[0], of(network)]));
  writeFileSync(
    country,
    mmdb({ type: 'GeoLite2-Country', records: records(([, code]) => ({ country: { iso_code: code } })) }),
  );
  writeFileSync(
    asn,
    mmdb({
      type: 'GeoLite2-ASN',
      records: records(([, , number, name]) => ({
        autonomous_system_number: number,
        autonomous_system_organization: name,
      })),
    }),
  );
  const checkpoint = await runCheckpoint(
    owner,
    `alerts: { name: gate, syslog: "udp://127.0.0.1:9" }\ngeo: { country: ${country}, asn: ${asn} }\n`,
  );
  const { policy } = compile(
    parseConfig('sites: [{ hosts: [www.example.net], backend: "http://127.0.0.1:8081" }]', '.'),
  );
  let sent = 0;
  for (const [bytes, client, ago, times] of day) {
    const { verdict } = explain(Buffer.from(bytes, 'latin1'), policy);
    for (let n = 0; n < times; n++) {
      const time = Date.now() - ago * hour + n * 20_000;
      checkpoint.control.onEvent(
        probeEvent({
          time,
          listener: 'http 192.0.2.80:80',
          client,
          connection: {},
          verdict,
          head: bytes,
          body: '',
        }),
      );
      sent++;
    }
    // Events that are written together with the same client, rule and destination become one.
    await checkpoint.written(sent);
  }
  for (let n = 0; n < 40; n++) await checkpoint.probe('GET / HTTP/1.1\r\nHost: example.net\r\n\r\n');
  await fetch(`${checkpoint.admin}/api/bans`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ prefix: '198.51.100.23', for: '1d', reason: 'keeps probing' }),
  });

  const browser = await startBrowser(owner);
  const open = async (language: Language, view: string, more: BrowserContextOptions = {}): Promise<Page> => {
    const context = await browser.newContext({
      viewport: { width: 1440, height: 1000 },
      locale: language === 'ja' ? 'ja-JP' : 'en-GB',
      timezoneId: 'UTC',
      ...more,
    });
    const page = await context.newPage();
    await login(page, checkpoint.admin, language);
    await page.goto(`${checkpoint.admin}/#/${view}`);
    await page.locator('main .card').first().waitFor();
    while ((await page.locator('.skeleton').count()) > 0)
      await page.locator('.skeleton').first().waitFor({ state: 'detached' });
    return page;
  };
  const picture = (page: Page, name: string) => page.screenshot({ path: join(images, name) });

  for (const [language, name] of [
    ['en', 'dashboard-now.png'],
    ['ja', 'dashboard-now.ja.png'],
  ] as const) {
    const page = await open(language, 'now');
    await page.locator('.chart canvas').waitFor();
    await page.getByText('gate', { exact: true }).waitFor();
    await picture(page, name);
  }
  const phone = await open('en', 'now', { viewport: { width: 390, height: 844 } });
  await phone.locator('.chart canvas').waitFor();
  await picture(phone, 'dashboard-phone.png');
  const newest = (
    await checkpoint.json<{ events: readonly { id: number; rule: string }[] }>('/api/events?rule=connect')
  ).events[0]!;
  await picture(await open('en', `event/${newest.id}`, { colorScheme: 'dark' }), 'dashboard-event.png');
  const sources = await open('en', 'who');
  await sources
    .locator('.card', { has: sources.getByRole('img', { name: /./ }).locator('circle') })
    .first()
    .screenshot({ path: join(images, 'dashboard-map.png') });
} finally {
  await owner.run();
}
