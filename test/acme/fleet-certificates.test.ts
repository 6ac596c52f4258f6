/** What a gateway accepts from the fleet's store, and what it does not. */
import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AcmeFolder } from '../../src/acme/acme-folder.ts';
import { challengeCertificate } from '../../src/acme/der.ts';
import { FleetCertificates, type SharedNotes } from '../../src/acme/fleet-certificates.ts';
import { NoteCipher } from '../../src/acme/note-cipher.ts';
import { freshKey } from '../../src/acme/order.ts';
import { eventually } from '../support/eventually.ts';
import { tempDir } from '../support/temp-dir.ts';

const host = 'www.example.net';
const secret = 'a secret that all gateways of the fleet know';

/** A store shared by two gateways. */
function shared(): SharedNotes & { readonly notes: Map<string, string>; connected: boolean } {
  const notes = new Map<string, string>();
  return {
    notes,
    connected: true,
    claim: async (task, id, life) => {
      if ((notes.get(task) ?? id) !== id) return false;
      if (life === 1) notes.delete(task);
      else notes.set(task, id);
      return true;
    },
    note: async (name, text) => void notes.set(name, text),
    noted: async (name) => notes.get(name) ?? null,
  };
}

async function gateway(t: TestContext, notes: SharedNotes, own = secret) {
  const store = new AcmeFolder(await tempDir(t, 'acme'));
  store.open();
  const errors: Error[] = [];
  const taken: string[] = [];
  const sharing = new FleetCertificates({
    store,
    notes: () => notes,
    secret: own,
    onCertificate: (name) => taken.push(name),
    onError: (error) => errors.push(error),
  });
  t.after(() => sharing.close());
  return { store, sharing, errors, taken };
}

function pem(name: string, at = Date.now()): string {
  const key = freshKey();
  return key + challengeCertificate(name, 'x.y', createPrivateKey(key), at);
}

test('the others get what the leader has; another leads when it leaves', async (t) => {
  const notes = shared();
  const [a, b] = [await gateway(t, notes), await gateway(t, notes)];
  a.sharing.start([host], () => {});
  await eventually(() => a.sharing.leads, 'one leads');
  b.sharing.start([host], () => {});
  a.store.saveCertificate(host, pem(host));
  a.store.saveToken('token', 'answer');
  await a.sharing.spread();
  assert.equal(b.store.certificate(host), a.store.certificate(host));
  assert.deepEqual(b.store.files('challenges'), { 'token.token': 'answer' });
  a.store.removeChallenge(host, 'token');
  await a.sharing.spread();
  await eventually(
    () => Object.keys(b.store.files('challenges')).length === 0,
    'a challenge is deleted with its order',
  );
  assert.equal(b.sharing.leads, false);
  await a.sharing.close();
  await eventually(() => b.sharing.leads, 'another leads');
});

test('a certificate that is older, for another name or with another key is not accepted', async (t) => {
  const notes = shared();
  const { store, sharing, taken } = await gateway(t, notes);
  notes.notes.set('acme:leader', 'another');
  const mine = pem(host);
  store.saveCertificate(host, mine);
  const cipher = new NoteCipher(secret);
  const offer = async (text: string): Promise<void> => {
    const [name, at] = [`acme:certificate:${host}.pem`, String(Math.random())];
    notes.notes.set(name, cipher.encrypt(name, text));
    const index = { certificates: { [`${host}.pem`]: at }, accounts: {}, challenges: {}, state: {} };
    notes.notes.set('acme:index', cipher.encrypt('acme:index', JSON.stringify(index)));
    await sleep(1500);
  };
  sharing.start([host], () => {});
  const day = 86_400_000;
  for (const text of [
    pem(host, Date.now() - day),
    pem('www.example.com', Date.now() + day),
    freshKey() + pem(host, Date.now() + day).replace(/^[\s\S]*?(?=-----BEGIN CERT)/, ''),
  ]) {
    await offer(text);
    assert.equal(store.certificate(host), mine);
  }
  const later = pem(host, Date.now() + day);
  await offer(later);
  assert.equal(store.certificate(host), later);
  assert.deepEqual(taken, [host]);
});

test('a gateway with another secret accepts nothing, does not lead, and reports it once', async (t) => {
  const notes = shared();
  const [a, b] = [
    await gateway(t, notes),
    await gateway(t, notes, 'another secret of thirty-two characters'),
  ];
  a.store.saveCertificate(host, pem(host));
  a.sharing.start([host], () => {});
  await eventually(() => notes.notes.has('acme:index'), 'one leads');
  b.sharing.start([host], () => {});
  await eventually(() => b.errors.length > 0, 'it is reported');
  await a.sharing.close();
  await sleep(2200);
  assert.deepEqual([b.sharing.leads, b.store.certificate(host), b.errors.length], [false, null, 1]);
  assert.match(b.errors[0]!.message, /acme\.secret/);
});

test('while the store is unreachable nobody leads, and challenges are not published', async (t) => {
  const notes = shared();
  const { sharing } = await gateway(t, notes);
  sharing.start([host], () => {});
  await eventually(() => sharing.leads, 'it leads');
  notes.connected = false;
  await eventually(() => !sharing.leads, 'it no longer leads');
  await assert.rejects(sharing.spread(), /the fleet's store is unreachable/);
});

test('a note decrypts only unchanged and under its own name', () => {
  const cipher = new NoteCipher(secret);
  const sealed = cipher.encrypt('a', 'text');
  assert.equal(cipher.decrypt('a', sealed), 'text');
  assert.equal(cipher.decrypt('b', sealed), null);
  const bytes = Buffer.from(sealed, 'base64');
  bytes[bytes.length - 1]! ^= 1;
  for (const bad of [bytes.toString('base64'), '', 'AAAA', 'x'.repeat(100)])
    assert.equal(cipher.decrypt('a', bad), null);
});
