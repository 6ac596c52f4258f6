/** Known vulnerabilities in shipped packages. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite, test } from 'node:test';
import { advice } from '../support/advisories.ts';
import { freePort } from '../support/free-port.ts';
import type { Owner } from '../support/owner.ts';

/** A registry with one vulnerability in every version of each named package. @returns npm's options to use it */
async function registry(
  owner: Owner,
  faults: Readonly<Record<string, string>>,
  status = 200,
): Promise<string[]> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      if (request.method !== 'POST' || status !== 200) {
        response.writeHead(status === 200 ? 404 : status).end('{}');
        return;
      }
      const known = Object.entries(faults).map(([name, severity], id) => [
        name,
        [{ id, url: 'https://www.example.com/', title: 'a fault', severity, vulnerable_versions: '*' }],
      ]);
      response.setHeader('Content-Type', 'application/json').end(JSON.stringify(Object.fromEntries(known)));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  owner.after(() => server.close().closeAllConnections());
  return ['--registry', `http://127.0.0.1:${(server.address() as AddressInfo).port}/`];
}

suite('npm advisories', { timeout: 150_000 }, () => {
  test('have none of moderate severity or above for shipped packages', async (t) => {
    const { findings, reason } = await advice();
    if (findings === null) return t.skip(`needs a registry with advisories: ${reason}`);
    assert.deepEqual(findings, []);
  });

  test('are reported for shipped packages, peers and built-in packages, and only for these', async (t) => {
    const faults = {
      fastify: 'high',
      undici: 'moderate',
      preact: 'critical',
      yaml: 'low',
      typescript: 'critical',
      playwright: 'high',
    };
    const { findings } = await advice(await registry(t, faults));
    const named = new Set(findings);
    for (const one of ['fastify: high', 'undici: moderate', 'preact: critical'])
      assert.ok(named.has(one), one);
    for (const name of ['yaml', 'typescript', 'playwright'])
      assert.ok(!findings!.some((one) => one.startsWith(`${name}:`)), name);
    assert.deepEqual(await advice(await registry(t, {})), { findings: [], reason: '' });
  });

  test('are unavailable only for a known reason', async (t) => {
    const none = await advice(await registry(t, {}, 405));
    assert.deepEqual(none, { findings: null, reason: 'it answers 405' });
    const nobody = await advice(['--registry', `http://127.0.0.1:${await freePort()}/`]);
    assert.equal(nobody.findings, null);
    assert.match(nobody.reason, /^it is not reached/);
    await assert.rejects(advice(await registry(t, {}, 500)), /neither what it found/);
  });
});
