/** A gateway without its fleet logs one line with the cause, at the start and at each change. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { Redis } from 'iovalkey';
import type { Trouble } from '../../src/fleet/store.ts';
import { ValkeyStore, type ValkeyStoreOptions } from '../../src/fleet/valkey-store.ts';
import { freePort } from '../support/free-port.ts';
import type { Owner } from '../support/owner.ts';
import { startProcess } from '../support/process.ts';
import { eventually, startRedis } from '../support/redis.ts';
import { tempDir } from '../support/temp-dir.ts';

function watch(owner: Owner, options: Partial<ValkeyStoreOptions> & { url: string }) {
  const store = new ValkeyStore({ remember: 60_000, onError: () => {}, ...options });
  owner.after(() => store.close());
  const told: (Trouble | null)[] = [];
  store.onState((trouble) => told.push(trouble));
  return { store, told, first: () => eventually(() => told[0] ?? undefined, 'a cause is reported') };
}

/** A self-signed certificate. */
async function certificate(owner: Owner): Promise<{ key: string; cert: string }> {
  const dir = await tempDir(owner, 'tls');
  const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
  const kind = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const name = ['-days', '2', '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', [...kind, ...name, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  return { key, cert };
}

suite('the cause of a missing fleet is reported:', () => {
  test('nothing listens', async (t) => {
    const port = await freePort();
    const { first, told } = watch(t, { url: `redis://127.0.0.1:${port}` });
    assert.deepEqual(await first(), { kind: 'away', text: `nothing listens at 127.0.0.1:${port}` });
    // After many attempts it is still reported only once.
    await new Promise((done) => setTimeout(done, 300));
    assert.equal(told.length, 1);
  });

  test('a wrong password, at the start and after a change; the right one connects', async (t) => {
    const server = await startRedis(t, { args: ['--requirepass', 'secret'] });
    const wrong = watch(t, { url: server.url.replace('//', '//:wrong@') });
    const { kind, text } = await wrong.first();
    assert.equal(kind, 'refused');
    assert.match(text, /rejects user or password \(WRONGPASS.*see fleet\.valkey/);
    const none = await watch(t, { url: server.url }).first();
    assert.equal(none.kind, 'refused');
    const right = watch(t, { url: server.url.replace('//', '//:secret@') });
    await eventually(() => right.store.connected, 'connected');
    const client = new Redis(server.url.replace('//', '//:secret@'));
    t.after(() => client.disconnect());
    await client.config('SET', 'requirepass', 'another');
    await client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually(() => right.told.at(-1)?.kind === 'refused', 'the change is reported');
  });

  test('a password that the server does not require does no harm', async (t) => {
    const server = await startRedis(t);
    const { store } = watch(t, { url: server.url.replace('//', '//:secret@') });
    await eventually(() => store.connected, 'connected');
  });

  test('TLS to a plain port, plain to a TLS port, an untrusted certificate, a missing client certificate', async (t) => {
    const { key, cert } = await certificate(t);
    const plain = await startRedis(t);
    const tls = await startRedis(t, { tls: { cert, key } });
    const ca = readFileSync(cert);
    const toPlain = await watch(t, { url: plain.url.replace('redis:', 'rediss:') }).first();
    assert.match(toPlain.text, /does it speak TLS/);
    const toTls = await watch(t, { url: tls.url.replace('rediss:', 'redis:') }).first();
    assert.match(toTls.text, /does it expect TLS/);
    const unknown = await watch(t, { url: tls.url }).first();
    assert.match(unknown.text, /the certificate of 127\.0\.0\.1:\d+.* fleet\.ca/);
    assert.equal(unknown.kind, 'refused');

    const mutual = await startRedis(t, {
      tls: { cert, key },
      args: ['--tls-auth-clients', 'yes', '--tls-ca-cert-file', cert],
    });
    const without = watch(t, { url: mutual.url, ca });
    await without.first();
    assert.equal(without.store.connected, false);
    const shown = watch(t, { url: mutual.url, ca, cert: ca, key: readFileSync(key) });
    await eventually(() => shown.store.connected, 'a certificate of ours lets us in');
  });

  test('a name that does not resolve, and a replica', async (t) => {
    const unknown = await watch(t, { url: 'redis://valkey.invalid' }).first();
    assert.match(unknown.text, /valkey\.invalid:6379 does not resolve/);
    const master = await startRedis(t);
    const replica = await startRedis(t, { args: ['--replicaof', '127.0.0.1', `${master.port}`] });
    const { text } = await watch(t, { url: replica.url }).first();
    assert.match(text, /is a read-only replica/);
  });
});

test('a gateway starts without its fleet, reports why, and takes the right password on SIGHUP', async (t) => {
  const server = await startRedis(t, { args: ['--requirepass', 'secret'] });
  const file = join(await tempDir(t, 'fleet'), 'sekisho.yaml');
  const config = (password: string): void =>
    writeFileSync(
      file,
      `listen: ["127.0.0.1:0"]
sites: [{ hosts: [www.example.net], backend: welcome }]
admin: false
fleet: { valkey: "redis://:${password}@127.0.0.1:${server.port}" }
`,
    );
  config('wrong');
  const gateway = await startProcess(t, process.execPath, ['src/cli.ts', 'start', '--config', file]);
  await gateway.waitForLine(/^listening http/, 60_000);
  await gateway.waitForLine(/fleet: Valkey refuses this gateway: .*WRONGPASS/);
  config('secret');
  gateway.signal('SIGHUP');
  await gateway.waitForLine(/fleet: connected/);
  await gateway.waitForLine(/the config was reloaded"/);
  const lines = gateway.stderr().split('\n').filter(Boolean);
  for (const line of lines) assert.doesNotThrow(() => JSON.parse(line), `a raw line: ${line}`);
  assert.equal(lines.filter((line) => line.includes('WRONGPASS')).length, 1, 'logged once');
});
