/** The link of an alert opens its event, in a real Chromium. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { buildDashboard, startBrowser } from '../support/browser.ts';
import { foreign, runCheckpoint } from '../support/checkpoint.ts';
import { login } from '../support/dashboard.ts';
import { without } from '../support/peers.ts';

test('an alert links to its event', { skip: without('chromium'), timeout: 120_000 }, async (t) => {
  buildDashboard();
  const links: string[] = [];
  const receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => {
      body += String(part);
    });
    request.on('end', () => {
      links.push((JSON.parse(body) as { link: string }).link);
      response.end();
    });
  });
  await new Promise<void>((done) => receiver.listen(0, '127.0.0.1', done));
  t.after(() => receiver.close());
  const { port } = receiver.address() as AddressInfo;
  const url = 'http://gate.example.net';
  const { probe, admin } = await runCheckpoint(
    t,
    `alerts: { webhook: "http://127.0.0.1:${port}/" }\n`,
    `url: "${url}"`,
  );
  await probe(foreign('www.example.com', '/azenv.php'));
  const deadline = Date.now() + 30_000;
  while (links.length === 0 && Date.now() < deadline) await new Promise((done) => setTimeout(done, 100));
  assert.equal(links.length, 1);
  const browser = await startBrowser(t);
  const page = await browser.newPage();
  await login(page, admin);
  await page.goto(links[0]!.replace(url, admin));
  await page.getByRole('heading', { name: /^The sender wanted a page of another server/ }).waitFor();
  assert.match(page.url(), /#\/event\/\d+$/);
});
