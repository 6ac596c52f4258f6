/** SIGHUP and the admin plane: token, address and certificate of the admin listener, and alerts, turned on and off. */
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
  test('a token removed from the config stops working: a generated one replaces it and is shown once', async (t) => {
    const address = `127.0.0.1:${await freePort()}`;
    const { reload, child } = await startReloadable(t, {
      rest: `${common}admin: { listen: "${address}", token: ${token} }`,
    });
    assert.equal(await api(address, token), 200);
    const without = { rest: `${common}admin: { listen: "${address}" }` };
    assert.match(await reload(without), /the config was reloaded/);
    assert.equal(await api(address, token), 401, 'the removed token');
    const made = /admin token \(generated for this run, shown once\): (\S+)/g;
    const shown = await eventually(() => [...child.stderr().matchAll(made)][0]?.[1], 'a token is shown');
    assert.equal(await api(address, shown), 200);
    await reload(without);
    assert.equal(await api(address, shown), 200, 'the generated token stays while nothing changes');
    assert.equal([...child.stderr().matchAll(made)].length, 1);
  });

  test('removing the token of an admin listener that a network reaches is refused, and the token stays in force', async (t) => {
    const port = await freePort();
    const { reload, child } = await startReloadable(t, {
      rest: `${common}admin: { listen: "0.0.0.0:${port}", token: ${token} }`,
    });
    assert.match(
      await reload({ rest: `${common}admin: { listen: "0.0.0.0:${port}" }` }),
      /not reloaded; the previous one stays in force/,
    );
    assert.match(child.stderr(), /without tls and without a token of your own/);
    assert.equal(await api(`127.0.0.1:${port}`, token), 200);
    assert.equal(await api(`127.0.0.1:${port}`, 'no-such-token-0123456789'), 401);
  });

  test('the listener moves to another address with the same port, and back', async (t) => {
    const port = await freePort();
    const rest = (host: string) => ({
      rest: `${common}admin: { listen: "${host}:${port}", token: ${token} }`,
    });
    const { reload } = await startReloadable(t, rest('127.0.0.1'));
    assert.match(await reload(rest('127.0.0.2')), /"the config was reloaded"/);
    assert.equal(await api(`127.0.0.2:${port}`, token), 200);
    await assert.rejects(api(`127.0.0.1:${port}`, token), 'the old address is released');
    assert.match(await reload(rest('0.0.0.0')), /"the config was reloaded"/);
    assert.equal(await api(`127.0.0.1:${port}`, token), 200, 'every address');
    assert.match(await reload(rest('127.0.0.1')), /"the config was reloaded"/);
    assert.equal(await api(`127.0.0.1:${port}`, token), 200);
    await assert.rejects(api(`127.0.0.2:${port}`, token), 'one address again');
    // 203.0.113.0/24 is for documentation (RFC 5737): no interface has it.
    assert.match(await reload(rest('203.0.113.1')), /not reloaded/);
    assert.equal(await api(`127.0.0.1:${port}`, token), 200, 'as before');
  });

  test('a certificate renewed on disk is served after SIGHUP; an unreadable one changes nothing', async (t) => {
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
    assert.equal(await subject(port), 'first.example.net', 'not before SIGHUP');
    assert.match(await reload(settings), /the config was reloaded/);
    assert.equal(await subject(port), 'second.example.net');
    await copyFile(first.key, key);
    await reload(settings);
    assert.equal(await subject(port), 'second.example.net', 'a key of another certificate');
  });

  test('a receiver removed from the config gets no more alerts, and an added one gets those that follow', async (t) => {
    const address = `127.0.0.1:${await freePort()}`;
    const received = await receiver(t);
    const off = { rest: `${common}admin: { listen: "${address}", token: ${token} }` };
    const on = { rest: `${off.rest}\nalerts: { webhook: "${received.url}", digest: 1s }` };
    const { reload, status, child } = await startReloadable(t, on);
    const standing = async () =>
      (await (
        await fetch(`http://${address}/api/status`, { headers: { authorization: `Bearer ${token}` } })
      ).json()) as { journal: { written: number }; alerts: { sent: number } | null };
    const written = (count: number) =>
      eventually(async () => (await standing()).journal.written >= count, `${count} events are written`);
    // Uses a new rule each time: the first probe of a rule raises an alert.
    const news = (host: string) => status(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    await status(probe);
    await eventually(() => received.titles.length > 0, 'the receiver gets an alert');

    assert.match(await reload(off), /the config was reloaded/);
    const before = received.titles.length;
    assert.equal((await standing()).alerts, null);
    assert.equal(await news('other.example'), 421);
    assert.equal(await news('a b'), 400);
    await written(3);

    assert.match(await reload(on), /the config was reloaded/);
    assert.deepEqual((await standing()).alerts, { sent: 0, lost: 0 });
    // A rule first seen while alerts were off raises no alert later.
    assert.equal(await news('other.example'), 421);
    await written(4);
    assert.equal(received.titles.length, before, String(received.titles));
    assert.equal(await status('TRACE / HTTP/1.1\r\nHost: www.example.net\r\n\r\n'), 405);
    await eventually(() => received.titles.length > before, 'the receiver gets another alert');
    assert.match(received.titles[before]!, /: first trace probe$/);

    await reload(off);
    const last = received.titles.length;
    await news('last.example');
    await status('CONNECT mx.example.com:25 HTTP/1.1\r\nHost: mx.example.com:25\r\n\r\n');
    await written(7);
    // Shutdown sends pending alerts and waits for them.
    await child.stop();
    assert.equal(received.titles.length, last, String(received.titles.slice(last)));
  });

  test('alerts and admin listener are turned on, off and on again', async (t) => {
    const address = `127.0.0.1:${await freePort()}`;
    const received = await receiver(t);
    const on = {
      rest: `${common}admin: { listen: "${address}", token: ${token} }\nalerts: { webhook: "${received.url}", digest: 1s }`,
    };
    const off = { rest: `${common}admin: false\nalerts: false` };
    const { reload, status } = await startReloadable(t, off);
    await status(probe);
    await reload(on);
    assert.equal(await api(address, token), 200);
    await status(probe);
    await eventually(() => received.titles.length > 0, 'the receiver gets an alert');
    await reload(off);
    await assert.rejects(api(address, token));
    const before = received.titles.length;
    await status(probe);
    await reload(on);
    assert.equal(await api(address, token), 200);
    await status(probe);
    await eventually(() => received.titles.length > before, 'the receiver gets another alert');
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
