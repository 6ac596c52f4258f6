/** An allow-listed client sends the whole corpus, and is still served afterwards. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { pino } from 'pino';
import { parseConfig } from '../../src/config/load.ts';
import { startClientPlane } from '../../src/program/bans-and-fleet.ts';
import { startGateway } from '../../src/program/gateway.ts';
import { corpus } from '../corpus/corpus.ts';
import { exchange } from '../support/raw-client.ts';
import { recordingBackend } from '../support/recording-backend.ts';
import { eventually, startRedis } from '../support/redis.ts';
import { tempDir } from '../support/temp-dir.ts';

const ours = '127.0.0.3';
const stranger = '127.0.0.4';

test('an allow-listed client is never banned or rate-limited, whatever it sends', async (t) => {
  const backend = await recordingBackend(t);
  const redis = await startRedis(t);
  const dir = await tempDir(t, 'allow');
  await writeFile(join(dir, 'list.txt'), '127.0.0.0/24\n');
  const config = parseConfig(
    `listen: ["127.0.0.1:0"]
trustedProxies: [127.0.0.5]
sites: [{ hosts: ["www.example.net"], backend: "${backend.url}", websocket: true }]
bans: { after: 1, allow: [${ours}], answer: drop, lists: [list.txt] }
rateLimit: { max: 1, timeWindow: 1d }
fleet: { valkey: "${redis.url}", name: ${randomUUID()} }
`,
    dir,
  );
  const log = pino({ level: 'silent' });
  const clients = await startClientPlane(config, { log, journal: null });
  t.after(() => clients.close());
  let probes = 0;
  const gateway = await startGateway(config, {
    log,
    isBanned: (prefix) => clients.bans!.ledger.isBanned(prefix),
    onEvent: (event) => {
      if (event.client === ours) probes++;
      clients.onEvent(event);
    },
  });
  t.after(() => gateway.close(0));
  clients.shareRates(() => gateway.rateTables);
  const port = Number(gateway.listeners[0]!.split(':').at(-1));
  const { ledger } = clients.bans!;
  ledger.add({ prefix: ours, reason: 'by mistake' });
  ledger.add({ prefix: '127.0.0.0/16', reason: 'by mistake' });

  for (let at = 0; at < corpus.length; at += 16) {
    const rows = corpus.slice(at, at + 16);
    await Promise.all(
      rows.map(({ bytes }) =>
        exchange(port, bytes, { from: ours, until: 1, halfClose: true, timeout: 1500 }),
      ),
    );
  }
  assert.ok(probes > 100, `${probes} probes were seen`);
  await eventually(() => clients.fleet!.health.backlog === 0, 'the fleet has all of them');

  const request = 'GET / HTTP/1.1\r\nHost: www.example.net\r\nConnection: close\r\n\r\n';
  for (let i = 0; i < 5; i++) {
    const { responses } = await exchange(port, request, { from: ours });
    assert.equal(responses[0]?.status, 200);
  }
  const proxied = request.replace('GET / ', 'GET /proxied ');
  const { responses } = await exchange(port, proxied, { from: '127.0.0.5' });
  assert.equal(responses[0]?.status, 200, 'a trusted proxy that names no client is not banned either');
  const refused = await exchange(port, request, { from: stranger });
  assert.equal(refused.text, '', "a neighbour's connection is closed without a byte");
  const banned = [...ledger.active()].filter(({ by }) => by === 'probes');
  assert.deepEqual(banned, [], 'none of its probes led to a ban');
});
