/** A ban without an end is reported as `for ever` to people and `null` to machines, never as the last date of the calendar. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { pino } from 'pino';
import { parseConfig } from '../../src/config/load.ts';
import { startClientPlane } from '../../src/program/bans-and-fleet.ts';
import { startControlPlane } from '../../src/program/control-plane.ts';

test('a ban without an end is "for ever" in the log and the alert, and null in JSON', async (t) => {
  const told: string[] = [];
  const receiver = createServer(async (req, res) => {
    told.push(await text(req));
    res.end();
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  t.after(() => receiver.close());
  const { port } = receiver.address() as AddressInfo;
  const config = parseConfig(
    `sites: [{ hosts: [www.example.net], backend: welcome }]
journal: false
admin: false
alerts: { webhook: "http://127.0.0.1:${port}/" }`,
    '.',
  );
  const log: string[] = [];
  const logger = pino({ base: null }, { write: (line: string) => log.push(line) });
  const control = await startControlPlane(config, { log: logger, counters: () => [] });
  const clients = await startClientPlane(config, {
    log: logger,
    journal: null,
    onBan: (ban) => control.onBan('added', ban),
  });
  clients.bans!.ledger.add({ prefix: '192.0.2.7' });
  clients.bans!.ledger.add({ prefix: '192.0.2.8', for: 3_600_000 });
  await clients.close();
  await control.close();

  const [endless, hour] = log
    .filter((line) => line.includes('"event":"ban"'))
    .map((line) => JSON.parse(line));
  assert.equal(endless.until, null);
  assert.equal(endless.msg, 'banned 192.0.2.7/32 for ever: banned by an operator (operator)');
  assert.equal(typeof hour.until, 'number');
  assert.match(hour.msg, / until \d{4}-/);
  const alert = told.join();
  assert.match(alert, /192\.0\.2\.7 for ever/);
  for (const one of [...log, alert]) assert.doesNotMatch(one, /275760|8640000000000000|99979214|\d{7} days/);
});
