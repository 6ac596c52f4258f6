/** The dashboard of a real checkpoint, used in a real Chromium. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { Dialogue } from '../smtp/dialogue.ts';
import { mailSink, startGuard } from '../smtp/support.ts';
import { breakable } from '../support/breakable.ts';
import { seriousFaults } from '../support/browser.ts';
import { foreign, token } from '../support/checkpoint.ts';
import { type Dashboard, login, Stops, startDashboard, views } from '../support/dashboard.ts';
import { without } from '../support/peers.ts';

const evil = `"><script>window.hit=1</script><img/src=x/onerror=window.hit=2>`;

suite('the dashboard', { skip: without('chromium'), timeout: 170_000 }, () => {
  const stops = new Stops();
  let dashboard: Dashboard;
  before(async () => {
    dashboard = await startDashboard(stops);
  });
  after(() => stops.run());

  test('shows an empty state before the first probe', async () => {
    const { page, faults } = await dashboard.open();
    await page.getByRole('heading', { name: 'No probes in the last 15 minutes.' }).waitFor();
    await page.getByText('All quiet').waitFor();
    await page.getByText('New probes appear here automatically.').waitFor();
    await dashboard.show(page, 'bans');
    await page.getByText('No bans', { exact: true }).waitFor();
    assert.deepEqual(faults, []);
  });

  test('health shows ordered certificates', async () => {
    const { page, faults } = await dashboard.open();
    await dashboard.show(page, 'health');
    const rows = page.locator('.card', { hasText: 'Next order' }).locator('tbody tr');
    await rows.nth(2).waitFor();
    const texts = await rows.locator('th, td:nth-of-type(1)').allInnerTexts();
    assert.deepEqual(
      texts.map((text) => text.replace(/\s+/g, ' ').trim()),
      [
        ...['www.example.net', 'valid for 60 days'],
        ...['mail.example.net', 'valid for 5 days rateLimited: too many orders'],
        ...['new.example.net', 'none yet'],
      ],
    );
    const { certificates } = await dashboard.checkpoint.json<{ certificates: { host: string }[] }>(
      '/api/status',
    );
    assert.equal(certificates.length, 3);
    const metrics = await (await dashboard.checkpoint.get('/metrics')).text();
    assert.match(metrics, /^sekisho_certificate_expiry_timestamp_seconds\{host="mail\.example\.net"\} \d+/m);
    assert.match(metrics, /^sekisho_acme_orders_total\{outcome="failed"\} 2$/m);
    assert.deepEqual(faults, []);
  });

  test('health shows certificate files that cannot be used', async () => {
    const { page, faults } = await dashboard.open();
    await dashboard.show(page, 'health');
    const card = page.locator('.card', { hasText: "Certificate files that can't be used" });
    await card.getByText('/etc/ssl/shop/privkey.pem is not the key of').waitFor();
    assert.deepEqual(faults, []);
  });

  test('health shows the OCSP responses of must-staple certificates', async () => {
    const { page, faults } = await dashboard.open();
    await dashboard.show(page, 'health');
    const rows = page.locator('.card', { hasText: 'OCSP responses' }).locator('tbody tr');
    await rows.nth(2).waitFor();
    const texts = await rows.locator('th, td:nth-of-type(1)').allInnerTexts();
    assert.deepEqual(
      texts.map((text) => text.replace(/\s+/g, ' ').trim()),
      [
        ...['pay.example.net (EC)', 'valid for 5 days'],
        'pay.example.net (RSA)',
        'valid for 3 h no OCSP response for it: the responder answered 503; the last one is valid for a while',
        'old.example.net (EC)',
        'none its authority has revoked it, since 2026-01-02T03:04:05.000Z: replace it',
      ],
    );
    const metrics = await (await dashboard.checkpoint.get('/metrics')).text();
    for (const line of [
      /^sekisho_ocsp_response_expiry_timestamp_seconds\{host="pay\.example\.net",serial="00"\} \d{10}/m,
      /^sekisho_ocsp_response_fetched_timestamp_seconds\{host="pay\.example\.net",serial="01"\} \d{10}/m,
      /^sekisho_ocsp_response_expiry_timestamp_seconds\{host="old\.example\.net",serial="02"\} 0$/m,
      /^sekisho_ocsp_responder_up\{host="pay\.example\.net",serial="00"\} 1$/m,
      /^sekisho_ocsp_responder_up\{host="pay\.example\.net",serial="01"\} 0$/m,
    ])
      assert.match(metrics, line);
    assert.deepEqual(faults, []);
  });

  test('shows probes live, finds one, shows it in full, bans and unbans, and logs out', async () => {
    const { probe } = dashboard.checkpoint;
    const { page, faults } = await dashboard.open();
    await probe(foreign('www.example.com', '/azenv.php'), '127.0.0.8');
    const line = page.locator('a.event', { hasText: 'GET http://www.example.com/azenv.php' });
    await line.waitFor();
    await page.locator('.chart canvas').waitFor();
    await probe('CONNECT mx.example.com:25 HTTP/1.1\r\nHost: mx.example.com:25\r\n\r\n', '127.0.0.9');
    await page.locator('a.event', { hasText: 'CONNECT mx.example.com:25' }).waitFor();

    await page.getByRole('link', { name: 'Events', exact: true }).click();
    await page.getByLabel('Rule').selectOption('connect');
    await page.locator('a.event').nth(1).waitFor({ state: 'detached' });
    await page.getByLabel('Rule').selectOption('');
    await page.getByLabel('Text', { exact: true }).fill('azenv');
    // Typing filters without Enter, and a click on a line right after it opens that line.
    await page.locator('a.event').nth(1).waitFor({ state: 'detached' });
    await page.getByLabel('Text', { exact: true }).fill('azen');
    await page.locator('a.event', { hasText: 'azenv' }).click();
    await page.getByRole('heading', { name: /^The sender wanted a page of another server/ }).waitFor();
    assert.equal(await page.locator('mark').first().textContent(), 'www.example.com');
    await page.getByText('same as then').waitFor();

    await page.getByRole('button', { name: 'Abuse report' }).click();
    const report = page.getByLabel('Report text', { exact: true });
    await report.waitFor();
    assert.match(await report.inputValue(), /^Subject: Abuse report/);
    const [sheet] = await Promise.all([
      page.context().waitForEvent('page'),
      page.getByRole('link', { name: 'Open as a page' }).click(),
    ]);
    await sheet
      .getByRole('heading', { name: /^Abuse report: attempts to relay .* from 127\.0\.0\.8$/ })
      .waitFor();
    // The background of the dashboard, in both themes and on a phone.
    for (const [colorScheme, paper] of [
      ['light', 'rgb(246, 242, 234)'],
      ['dark', 'rgb(20, 21, 24)'],
    ] as const) {
      await sheet.emulateMedia({ colorScheme });
      assert.equal(await sheet.evaluate('getComputedStyle(document.body).backgroundColor'), paper);
      assert.deepEqual(await seriousFaults(sheet), [], colorScheme);
      const folder = process.env.SEKISHO_SCREENSHOTS;
      if (folder !== undefined)
        await sheet.screenshot({ path: `${folder}/report-${colorScheme}.png`, fullPage: true });
    }
    await sheet.setViewportSize({ width: 390, height: 844 });
    assert.ok(((await sheet.evaluate('document.documentElement.scrollWidth')) as number) <= 390);
    await sheet.close();
    await page.keyboard.press('Escape');
    await report.waitFor({ state: 'detached' });

    await page.getByRole('button', { name: 'Ban 127.0.0.8' }).click();
    await page.getByLabel('Reason').fill('keeps coming');
    await page.getByRole('dialog').getByText('1 day').click();
    await page.getByRole('dialog').getByRole('button', { name: 'Ban', exact: true }).click();
    await page.getByRole('button', { name: 'Unban 127.0.0.8' }).waitFor();
    assert.match(
      await probe('GET / HTTP/1.1\r\nHost: www.example.net:8080\r\n\r\n', '127.0.0.8'),
      /^HTTP\/1\.1 403/,
    );

    await page.getByRole('link', { name: 'Bans', exact: true }).click();
    await page.getByRole('cell', { name: /keeps coming/ }).waitFor();
    await page.getByRole('button', { name: 'Unban 127.0.0.8' }).click();
    await page.getByText('No bans', { exact: true }).waitFor();
    assert.match(
      await probe('GET / HTTP/1.1\r\nHost: www.example.net:8080\r\n\r\n', '127.0.0.8'),
      /^HTTP\/1\.1 200/,
    );

    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('Token').waitFor();
    assert.deepEqual(faults, []);
  });

  test('lists a refused host, and one click shows the config lines that would serve it', async () => {
    const { probe } = dashboard.checkpoint;
    const { page, faults } = await dashboard.open();
    await probe('GET /cart HTTP/1.1\r\nHost: shop.example.org:8080\r\n\r\n', '127.0.0.12');
    await page.locator('a.event', { hasText: 'shop.example.org:8080 GET /cart' }).click();
    await page.getByRole('button', { name: 'This host is ours' }).click();
    await page.getByRole('dialog').getByText('hosts: ["shop.example.org"]').waitFor();
    assert.deepEqual(faults, []);
  });

  test('centres a dialog opened from a table', async () => {
    const { page } = await dashboard.open();
    await dashboard.show(page, 'who');
    await page.getByRole('button', { name: /^Ban / }).first().click();
    const { x, width } = (await page.getByRole('dialog').boundingBox())!;
    assert.ok(Math.abs(x + width / 2 - 640) < 10, `${x} ${width}`);
  });

  test('sums up in a headline, and shows banned clients in their own band', async () => {
    const { probe, clients } = dashboard.checkpoint;
    const { page } = await dashboard.open();
    clients.bans!.ledger.add({ prefix: '127.0.0.13' });
    await probe(foreign('www.example.com', '/banned'), '127.0.0.13');
    await page
      .getByRole('heading', {
        name: /^\d+ probes in the last 15 minutes from \d+ sources, all blocked\./,
      })
      .waitFor();
    await page.getByText(/^Not included: \d+ requests? from banned clients\./).waitFor();
  });

  test('shows the destination of a mail probe, and bans its client from there', async (t) => {
    const { clients, control } = dashboard.checkpoint;
    const sink = await mailSink(t);
    const guard = await startGuard(
      t,
      sink.port,
      {},
      { onEvent: control.onEvent, isBanned: (prefix) => clients.bans!.isBanned(prefix) },
    );
    const client = await Dialogue.greeted(t, guard.port, '127.0.0.44');
    await client.say('MAIL FROM:<a@example.org>');
    assert.equal(await client.code('RCPT TO: user%example.com@example.net'), 550);
    const { page, faults } = await dashboard.open();
    await page.locator('a.event', { hasText: 'RCPT TO: user%example.com@example.net' }).click();
    await page.getByText('MAIL FROM:<a@example.org>').waitFor();
    const facts = (await page.locator('dl.facts').allTextContents()).join('\n');
    assert.match(facts, /smtp 127\.0\.0\.1:\d+/);
    assert.match(facts, /a mail server:\s*user@example\.com/);
    assert.match(facts, /smtp-percent-hack/);
    await page.getByRole('button', { name: 'Ban 127.0.0.44' }).click();
    await page.getByLabel('Reason').fill('relay tester');
    await page.getByRole('dialog').getByRole('button', { name: 'Ban', exact: true }).click();
    await page.getByRole('button', { name: 'Unban 127.0.0.44' }).waitFor();
    assert.equal((await (await Dialogue.open(t, guard.port, '127.0.0.44')).reply()).code, 421);
    await page.getByRole('button', { name: 'Unban 127.0.0.44' }).click();
    await page.getByRole('button', { name: 'Ban 127.0.0.44' }).waitFor();
    assert.equal((await (await Dialogue.open(t, guard.port, '127.0.0.44')).reply()).code, 220);
    assert.deepEqual(faults, []);
  });

  test('says why a ban is not possible', async () => {
    const { page } = await dashboard.open();
    await dashboard.show(page, 'bans');
    await page.getByRole('button', { name: 'Ban a prefix' }).click();
    await page.getByLabel('Address or prefix').fill('10.0.0.1/8');
    await page.getByRole('dialog').getByRole('button', { name: 'Ban', exact: true }).click();
    await page.getByRole('dialog').getByRole('alert').waitFor();
  });

  test('runs no script that an attacker wrote into a request (XSS)', async () => {
    const { probe, admin } = dashboard.checkpoint;
    const { page, faults } = await dashboard.open();
    await probe(
      `GET http://evil.example/${evil} HTTP/1.1\r\nHost: evil.example\r\nUser-Agent: ${evil}\r\n\r\n`,
      '127.0.0.66',
    );
    await probe(`GET / HTTP/1.1\r\nHost: ${evil}\r\n\r\n`, '127.0.0.66');
    await fetch(`${admin}/api/bans`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ prefix: '127.0.0.77', reason: evil }),
    });
    await page.locator('a.event', { hasText: 'onerror' }).first().waitFor();
    const { events } = await dashboard.checkpoint.json<{ events: { id: number }[] }>(
      '/api/events?client=127.0.0.66',
    );
    for (const view of [
      ...views,
      ...events.map(({ id }) => `event/${id}`),
      `events?text=${encodeURIComponent(evil)}`,
      `event/${encodeURIComponent(evil)}`,
    ]) {
      await dashboard.show(page, view);
      assert.equal(await page.evaluate('window.hit'), undefined, view);
      assert.equal(await page.locator('main script, main img').count(), 0, view);
    }
    // The API answers 404 to an invalid id, which the console reports.
    assert.deepEqual(
      faults.filter((fault) => !fault.includes('404')),
      [],
    );
  });

  test('works by keyboard', async () => {
    const { page } = await dashboard.open();
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate('document.activeElement.className'), 'skip');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate('document.activeElement.id'), 'main');
    await page.keyboard.press('2');
    await page.getByRole('heading', { name: 'Sources', exact: true }).waitFor();
    await page.keyboard.press('4');
    await page.getByRole('heading', { name: 'Events', exact: true }).waitFor();
    await page.keyboard.press('/');
    assert.equal(await page.evaluate('document.activeElement.id'), 'filter-text');
    await page.keyboard.type('2');
    assert.equal(await page.getByLabel('Text', { exact: true }).inputValue(), '2');
    await page.keyboard.press('Backspace');
    // From any page, and with the focus on a time range.
    await dashboard.show(page, 'now');
    await page.getByLabel('7 d').check();
    await page.keyboard.press('5');
    await page.getByRole('heading', { name: 'Bans', exact: true }).waitFor();
    await page.keyboard.press('/');
    await page.locator('#filter-text:focus').waitFor();
    await dashboard.show(page, 'bans');
    const button = page.getByRole('button', { name: 'Ban a prefix' });
    await button.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    assert.equal(await page.evaluate('document.activeElement.textContent'), 'Ban a prefix');
  });

  test('moves the focus into an opened event, and back to its line when it is closed', async () => {
    const { probe, json } = dashboard.checkpoint;
    for (let index = 0; index < 40; index++) await probe(foreign(`host${index}.example.com`), '127.0.0.21');
    await probe(foreign('www.example.com', '/returned'), '127.0.0.21');
    const { page } = await dashboard.open();
    const focused = () => page.evaluate('document.activeElement.id') as Promise<string>;
    const { events } = await json<{ events: { id: number; request: string }[] }>(
      '/api/events?client=127.0.0.21&limit=50',
    );
    const { id } = events.find(({ request }) => request.includes('host3.'))!;
    await dashboard.show(page, 'events?client=127.0.0.21');
    const line = page.locator(`#event-${id}`);
    for (const close of [
      () => page.keyboard.press('Escape'),
      () => page.getByRole('link', { name: 'Events', exact: true }).last().click(),
      () => page.goBack(),
    ]) {
      await line.focus();
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: /^The sender wanted/ }).waitFor();
      assert.equal(await focused(), 'main');
      assert.equal(await page.evaluate('scrollY'), 0);
      await close();
      await page.locator(`#event-${id}:focus`).waitFor();
      assert.ok(page.url().endsWith('#/events?client=127.0.0.21'), page.url());
      assert.ok(await line.evaluate((one) => one.getBoundingClientRect().bottom <= 860));
    }
  });

  test('marks clients banned by a wider prefix, and keeps the focus when a ban is lifted', async () => {
    const { probe, clients } = dashboard.checkpoint;
    const { page } = await dashboard.open();
    await probe(foreign('www.example.com', '/wide'), '127.0.44.7');
    clients.bans!.ledger.add({ prefix: '127.0.44.0/24' });
    await dashboard.show(page, 'who');
    const row = page.getByRole('row', { name: /^127\.0\.44\.7/ });
    await row.getByText('banned via 127.0.44.0/24').waitFor();
    assert.equal(await row.getByRole('button', { name: /^Ban / }).count(), 0);
    await row.getByRole('button', { name: 'Unban 127.0.44.0/24' }).press('Enter');
    await row.getByRole('button', { name: 'Ban 127.0.44.7' }).waitFor();
    assert.equal(await page.evaluate('document.activeElement.textContent'), 'Ban');
    clients.bans!.ledger.add({ prefix: '127.0.44.7' });
    await dashboard.show(page, 'bans');
    await page.getByRole('button', { name: 'Unban 127.0.44.7' }).press('Enter');
    await page.getByRole('button', { name: 'Unban 127.0.44.7' }).waitFor({ state: 'detached' });
    assert.equal(await page.evaluate('document.activeElement.textContent'), 'Bans');
  });

  test('shows the login page when the session is over', async () => {
    const { page } = await dashboard.open();
    await dashboard.show(page, 'bans');
    // In another window of the same browser.
    await page.evaluate(`fetch('/api/session').then((answer) => answer.json()).then(({ csrf }) =>
      fetch('/session', { method: 'DELETE', headers: { 'X-Sekisho-CSRF': csrf } }))`);
    await page.getByLabel('Token').waitFor();
  });

  test('reports a lost connection, and reloads automatically when it is back', async (t) => {
    const { port, cut, restore } = await breakable(t, Number(new URL(dashboard.checkpoint.admin).port));
    const page = await dashboard.browser.newPage();
    t.after(() => page.close());
    await page.setViewportSize({ width: 390, height: 844 });
    await login(page, `http://127.0.0.1:${port}`);
    const header = page.locator('header');
    const before = await header.boundingBox();
    cut();
    await page.getByText('Reconnecting…').waitFor();
    assert.deepEqual(await header.boundingBox(), before);
    await page.keyboard.press('5');
    await page.getByText('Could not load the data: the server does not answer.').waitFor();
    await page.getByRole('button', { name: 'Try again' }).waitFor();
    restore();
    await page.locator('table.rows').waitFor();
    assert.equal(await page.getByText('Could not load the data').count(), 0);
  });
});
