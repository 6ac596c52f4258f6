/**
 * A web page can't get its visitors banned: a real Chromium loads a page that makes it send everything a page can, to the gateway over
 * HTTP and HTTP/2 and to decoys. Some of it is refused, but nothing counts towards a ban.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { pino } from 'pino';
import { PrefixSet } from '../../src/address/prefix-set.ts';
import { BanLedger } from '../../src/bans/ledger.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { ProbeEvent } from '../../src/events/event.ts';
import { startGateway } from '../../src/program/gateway.ts';
import { openMailAndDecoys } from '../../src/program/mail-and-decoys.ts';
import { startBrowser } from '../support/browser.ts';
import { certificate } from '../support/certificate.ts';
import type { Owner } from '../support/owner.ts';
import { without } from '../support/peers.ts';
import { exchange } from '../support/raw-client.ts';

const own = 'own.test';
const foreign = 'foreign.test';

async function checkpoint(owner: Owner) {
  const { cert, key } = await certificate(owner, [own, foreign]);
  const config = parseConfig(
    `listen: ["127.0.0.1:0", { address: "127.0.0.1:0", tls: { cert: ${cert}, key: ${key} } }]
sites: [{ hosts: [${own}], backend: welcome }]
rateLimit: false
bans: { after: 2 }
decoys:
  - { listen: "127.0.0.1:0", speaks: http-proxy }
  - { listen: "127.0.0.1:0", speaks: socks }
  - { listen: "127.0.0.1:0", speaks: smtp }`,
    '.',
  );
  const ledger = new BanLedger({
    ...{ after: 2, within: 600_000, for: [600_000], exempt: new PrefixSet([]), clock: Date.now },
  });
  const events: ProbeEvent[] = [];
  const log = pino({ level: 'silent' });
  const onEvent = (event: ProbeEvent): void => {
    events.push(event);
    if (event.counts) ledger.offend(event.client, event.rule);
  };
  const isBanned = (prefix: string): boolean => ledger.isBanned(prefix);
  const gateway = await startGateway(config, { log, onEvent, isBanned });
  owner.after(() => gateway.close(0));
  const mail = { isBanned: () => false, onOffence: () => {}, onDelivered: () => {}, onRise: () => {} };
  const doors = await openMailAndDecoys(config, { log, onEvent, mail });
  owner.after(() => doors.close(0));
  const [plain, tls, ...decoys] = [...gateway.listeners, ...doors.listeners].map((name) =>
    Number(name.split(':').at(-1)),
  ) as [number, number, ...number[]];
  return { ledger, events, plain, tls, decoys };
}

const script = readFileSync(`${import.meta.dirname}/everything-a-page-can-do.js`, 'utf8');

suite('everything a page can make a browser send', { skip: without('chromium') }, () => {
  test('bans nobody; real probes of the same client do', async (t) => {
    const { ledger, events, plain, tls, decoys } = await checkpoint(t);
    const browser = await startBrowser(t, [
      '--host-resolver-rules=MAP *.test 127.0.0.1',
      '--ignore-certificate-errors',
      '--disable-features=BlockInsecurePrivateNetworkRequests,LocalNetworkAccessChecks',
    ]);
    const context = await browser.newContext({ ignoreHTTPSErrors: true, bypassCSP: true });
    for (const origin of [`http://${own}:${plain}/`, `https://${own}:${tls}/`]) {
      const page = await context.newPage();
      await page.goto(origin);
      await page.evaluate(`(${script.trim().replace(/;$/, '')})(${JSON.stringify({ plain, tls, decoys })})`);
      await page.close();
      await context.clearCookies();
    }
    await setTimeout(1500);

    const counted = events.filter(({ counts }) => counts);
    assert.deepEqual(
      counted.map(({ listener, rule, bytes }) => `${listener} ${rule} ${bytes.slice(0, 200)}`),
      [],
    );
    assert.equal(ledger.isBanned('127.0.0.1/32'), false);
    const rules = new Set(events.filter(({ action }) => action === 'block').map(({ rule }) => rule));
    for (const rule of ['host-foreign', 'header-overflow', 'framing', 'tls-on-plaintext'] as const)
      assert.ok(rules.has(rule), `${rule} was provoked: ${[...rules]}`);
    assert.ok(
      events.some(({ listener }) => listener.endsWith(`:${decoys[0]}`)),
      'the decoy was reached',
    );
    t.diagnostic(
      `${events.length} events: ${[...rules].map((rule) => `${rule} ${events.filter((event) => event.rule === rule).length}`).join(', ')}`,
    );

    const probe = 'GET http://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\n\r\n';
    for (let i = 0; i < 2; i++) await exchange(plain, probe);
    assert.equal(ledger.isBanned('127.0.0.1/32'), true, 'real probes still ban');
  });
});
