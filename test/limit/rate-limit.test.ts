/** Rate limits on the real gateway. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../src/config/load.ts';
import { runGateway } from '../support/gateway.ts';
import { exchange } from '../support/raw-client.ts';
import { recordingBackend } from '../support/recording-backend.ts';

/** A window that does not end while the test runs. */
const window = '1d';

const get = (host: string, extra = '') =>
  `GET / HTTP/1.1\r\nHost: ${host}\r\n${extra}Connection: close\r\n\r\n`;

test('a request over the limit gets 429 with its fields, is recorded, and reaches no backend', async (t) => {
  const backend = await recordingBackend(t);
  const { port, events, gateway } = await runGateway(
    t,
    `sites:
  - { hosts: [www.example.net], backend: "${backend.url}" }
  - { hosts: [api.example.net], backend: "${backend.url}", rateLimit: { max: 2, timeWindow: ${window} } }
  - { hosts: [static.example.net], backend: "${backend.url}", rateLimit: false }
rateLimit: { max: 3, timeWindow: ${window}, allow: [127.0.0.9] }
bans: { allow: [127.0.0.3] }
`,
  );
  const status = async (host: string, from?: string) => {
    const { responses } = await exchange(port, get(host), { ...(from ? { from } : {}) });
    return responses[0]!.status;
  };
  const statuses = async (count: number, host: string, from?: string) => {
    const all: number[] = [];
    for (let i = 0; i < count; i++) all.push(await status(host, from));
    return all;
  };
  assert.deepEqual(await statuses(4, 'www.example.net'), [200, 200, 200, 429]);
  assert.deepEqual(
    await statuses(3, 'api.example.net'),
    [200, 200, 429],
    'a site with its own limit counts separately',
  );
  assert.deepEqual(await statuses(6, 'static.example.net'), Array(6).fill(200), 'a site without one');
  assert.deepEqual(await statuses(1, 'www.example.net', '127.0.0.5'), [200], 'another client');
  assert.deepEqual(await statuses(6, 'www.example.net', '127.0.0.9'), Array(6).fill(200), 'rateLimit.allow');
  assert.deepEqual(await statuses(6, 'api.example.net', '127.0.0.3'), Array(6).fill(200), 'bans.allow');
  assert.equal(backend.requests.length, 3 + 2 + 6 + 1 + 6 + 6);

  const { responses } = await exchange(port, get('www.example.net'));
  const header = (name: string) => responses[0]!.headers.get(name)?.[0];
  assert.ok(Number(header('retry-after')) > 0 && Number(header('retry-after')) <= 86_400);
  assert.deepEqual(
    [header('ratelimit-limit'), header('ratelimit-remaining'), header('connection')],
    ['3', '0', 'close'],
  );
  assert.equal(header('ratelimit-reset'), header('retry-after'));
  const limited = events.filter(({ rule }) => rule === 'rate-limited');
  assert.equal(limited.length, 3);
  assert.deepEqual(
    [limited[0]!.action, limited[0]!.answer, limited[0]!.site],
    ['block', 429, 'www.example.net'],
  );

  gateway.reload(
    parseConfig(
      `sites: [{ hosts: [www.example.net], backend: "${backend.url}" }]\nrateLimit: { max: 4, timeWindow: ${window} }\n`,
      '.',
    ),
  );
  assert.deepEqual(
    await statuses(5, 'www.example.net'),
    [200, 200, 200, 200, 429],
    'the limit of the new config',
  );
});

test('WebSocket handshakes count too', async (t) => {
  const backend = await recordingBackend(t);
  const { port } = await runGateway(
    t,
    `sites: [{ hosts: [www.example.net], backend: "${backend.url}", websocket: true }]
rateLimit: { max: 1, timeWindow: ${window} }
`,
  );
  const handshake =
    'GET /chat HTTP/1.1\r\nHost: www.example.net\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';
  await exchange(port, get('www.example.net'));
  const { responses } = await exchange(port, handshake);
  assert.equal(responses[0]!.status, 429);
  assert.ok(responses[0]!.headers.has('retry-after'));
});
