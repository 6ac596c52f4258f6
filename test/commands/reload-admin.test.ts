/** SIGHUP and who may look: token, address and certificate of the admin listener, and alerts, put on and off. */
import assert from 'node:assert/strict';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { connect } from 'node:tls';
import { certificate } from '../support/certificate.ts';
import { freePort } from '../support/free-port.ts';
import { eventually } from '../support/redis.ts';
import { probe, receiver, startReloadable, token } from '../support/reloadable.ts';
import { tempDir } from '../support/temp-dir.ts';

const common = 'journal: false\nbans: false\n';
const api = async (address: string, bearer: string): Promise<number> =>
  (await fetch(`http://${address}/api/events`, { headers: { authorization: `Bearer ${bearer}` } })).status;

suite('SIGHUP and the admin listener', () => {
  test('a token taken out of the config is good no longer: one is made, and shown once', async (t) => {
    const address = `127.0.0.1:${await freePort()}`;
    const { reload, child } = await startReloadable(t, {
      rest: `${common}admin: { listen: "${address}", token: ${token} }`,
    });
    assert.equal(await api(address, token), 200);
    const without = { rest: `${common}admin: { listen: "${address}" }` };
    assert.match(await reload(without), /the config was read again/);
    assert.equal(await api(address, token), 401, 'the one that was taken out');
    const made = /admin token \(made for this run, shown once\): (\S+)/g;
    const shown = await eventually(() => [...child.stderr().matchAll(made)][0]?.[1], 'a token is shown');
    assert.equal(await api(address, shown), 200);
    await reload(without);
    assert.equal(await api(address, shown), 200, 'it stays while nothing changes');
    assert.equal([...child.stderr().matchAll(made)].length, 1);
  });

  test('taken out of an address that a network reaches, it is refused, and stays in force', async (t) => {
    const port = await freePort();
    const { reload, child } = await startReloadable(t, {
      rest: `${common}admin: { listen: "0.0.0.0:${port}", token: ${token} }`,
    });
    assert.match(
      await reload({ rest: `${common}admin: { listen: "0.0.0.0:${port}" }` }),
      /not read again; the one before stays in force/,
    );
    assert.match(child.stderr(), /without tls and without a token of your own/);
    assert.equal(await api(`127.0.0.1:${port}`, token), 200);
    assert.equal(await api(`127.0.0.1:${port}`, 'no-such-token-0123456789'), 401);
  });

  test('it moves to another address with the same port, and back', async (t) => {
    const port = await freePort();
    const rest = (host: string) => ({
      rest: `${common}admin: { listen: "${host}:${port}", token: ${token} }`,
    });
    const { reload } = await startReloadable(t, rest('127.0.0.1'));
    assert.match(await reload(rest('127.0.0.2')), /"the config was read again"/);
    assert.equal(await api(`127.0.0.2:${port}`, token), 200);
    await assert.rejects(api(`127.0.0.1:${port}`, token), 'the old address is let go');
    assert.match(await reload(rest('0.0.0.0')), /"the config was read again"/);
    assert.equal(await api(`127.0.0.1:${port}`, token), 200, 'every address');
    assert.match(await reload(rest('127.0.0.1')), /"the config was read again"/);
    assert.equal(await api(`127.0.0.1:${port}`, token), 200);
    await assert.rejects(api(`127.0.0.2:${port}`, token), 'one address again');
    // 203.0.113.0/24 is for documentation (RFC 5737): no interface here has it.
    assert.match(await reload(rest('203.0.113.1')), /not read again/);
    assert.equal(await api(`127.0.0.1:${port}`, token), 200, 'as before');
  });

  test('a certificate renewed on disk is shown after SIGHUP; one that can not be read changes nothing', async (t) => {
    const port = await freePort();
    const folder = await tempDir(t, 'renewed');
    const [first, second] = [
      await certificate(t, ['first.example.net']),
      await certificate(t, ['second.example.net']),
    ];
    const [cert, key] = [join(folder, 'admin.pem'), join(folder, 'admin.key')];
    const renew = async (pair: typeof first): Promise<void> => {
      await copyFile(pair.cert, cert);
      await copyFile(pair.key, key);
    };
    await renew(first);
    const settings = {
      rest: `${common}admin: { listen: "127.0.0.1:${port}", token: ${token}, tls: { cert: ${cert}, key: ${key} } }`,
    };
    const { reload } = await startReloadable(t, settings);
    assert.equal(await subject(port), 'first.example.net');
    await renew(second);
    assert.equal(await subject(port), 'first.example.net', 'not before it is told');
    assert.match(await reload(settings), /the config was read again/);
    assert.equal(await subject(port), 'second.example.net');
    await copyFile(first.key, key);
    await reload(settings);
    assert.equal(await subject(port), 'second.example.net', 'a key of another certificate');
  });

  test('a receiver taken out of the config is told nothing more, and one put in is told from then on', async (t) => {
    const address = `127.0.0.1:${await freePort()}`;
    const told = await receiver(t);
    const off = { rest: `${common}admin: { listen: "${address}", token: ${token} }` };
    const on = { rest: `${off.rest}\nalerts: { webhook: "${told.url}", digest: 1s }` };
    const { reload, status, child } = await startReloadable(t, on);
    const standing = async () =>
      (await (
        await fetch(`http://${address}/api/status`, { headers: { authorization: `Bearer ${token}` } })
      ).json()) as { journal: { written: number }; alerts: { sent: number } | null };
    const written = (count: number) =>
      eventually(async () => (await standing()).journal.written >= count, `${count} events are written`);
    // A rule of its own each time: the first probe of a rule is news that would be told.
    const news = (host: string) => status(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    await status(probe);
    await eventually(() => told.titles.length > 0, 'the receiver is told');

    assert.match(await reload(off), /the config was read again/);
    const before = told.titles.length;
    assert.equal((await standing()).alerts, null);
    assert.equal(await news('other.example'), 421);
    assert.equal(await news('a b'), 400);
    await written(3);

    assert.match(await reload(on), /the config was read again/);
    assert.deepEqual((await standing()).alerts, { sent: 0, lost: 0 });
    // What was seen meanwhile is no news, and nobody is told of it later.
    assert.equal(await news('other.example'), 421);
    await written(4);
    assert.equal(told.titles.length, before, String(told.titles));
    assert.equal(await status('TRACE / HTTP/1.1\r\nHost: www.example.net\r\n\r\n'), 405);
    await eventually(() => told.titles.length > before, 'the receiver is told again');
    assert.match(told.titles[before]!, /: first trace probe$/);

    await reload(off);
    const last = told.titles.length;
    await news('last.example');
    await status('CONNECT mx.example.com:25 HTTP/1.1\r\nHost: mx.example.com:25\r\n\r\n');
    await written(7);
    // The end tells what was not told yet, and waits for it.
    await child.stop();
    assert.equal(told.titles.length, last, String(told.titles.slice(last)));
  });

  test('alerts and admin listener are put on, off and on again', async (t) => {
    const address = `127.0.0.1:${await freePort()}`;
    const told = await receiver(t);
    const on = {
      rest: `${common}admin: { listen: "${address}", token: ${token} }\nalerts: { webhook: "${told.url}", digest: 1s }`,
    };
    const off = { rest: `${common}admin: false\nalerts: false` };
    const { reload, status } = await startReloadable(t, off);
    await status(probe);
    await reload(on);
    assert.equal(await api(address, token), 200);
    await status(probe);
    await eventually(() => told.titles.length > 0, 'the receiver is told');
    await reload(off);
    await assert.rejects(api(address, token));
    const before = told.titles.length;
    await status(probe);
    await reload(on);
    assert.equal(await api(address, token), 200);
    await status(probe);
    await eventually(() => told.titles.length > before, 'the receiver is told again');
  });
});

function subject(port: number): Promise<string> {
  return new Promise((done, fail) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      const { CN } = socket.getPeerCertificate().subject;
      socket.destroy();
      done(String(CN));
    });
    socket.setTimeout(5000, () => socket.destroy(new Error('no handshake')));
    socket.on('error', fail);
  });
}
