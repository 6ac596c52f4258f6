/** Renewals in operation: HTTP, mail and admin listeners, two workers, and a reload and a restart during the renewal. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { after, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { acme, host, issued, shownAt, startOrdering } from '../support/ordering-gateway.ts';
import { type Pebble, startPebble } from '../support/pebble.ts';
import { type PebbleFront, startFront } from '../support/pebble-front.ts';
import { without } from '../support/peers.ts';

const owner = { after };

/** A kept-alive connection. */
async function keptAlive(port: number): Promise<{ ask(): Promise<string>; socket: TLSSocket }> {
  const options = { port, host: '127.0.0.1', servername: host, rejectUnauthorized: false };
  const socket = connect({ ...options, ALPNProtocols: ['http/1.1'] });
  await once(socket, 'secureConnect');
  return {
    socket,
    ask: async () => {
      socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      const [bytes] = (await once(socket, 'data')) as [Buffer];
      return bytes.toString('latin1').split('\r\n')[0]!;
    },
  };
}

/** Holds orders at their finalization. @returns `reached` resolves when one is held; `release` lets it continue */
function hold(front: PebbleFront): { reached: Promise<void>; release: () => void } {
  const [there, open] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  front.answer = async ({ path }) => {
    if (!path.startsWith('/finalize-order/')) return null;
    there.resolve();
    await open.promise;
    return null;
  };
  return { reached: there.promise, release: open.resolve };
}

suite('renewals in operation', { skip: without('pebble', 'pebble-challtestsrv') }, () => {
  test('a reload and a restart in the middle of a renewal lose no connection and no certificate; mail and admin show the new one too', async () => {
    const pebble = await startPebble(owner);
    const [first, second] = [await startFront(owner, pebble), await startFront(owner, pebble)];
    const [secure, mail] = [await freePort(), await freePort()];
    const listen = (authority: Pebble): string =>
      `listen: ["127.0.0.1:${pebble.httpPort}", { address: "127.0.0.1:${secure}", tls: ${acme(authority)} }]`;
    const more = `workers: 2
smtp: { listen: [{ address: "127.0.0.1:${mail}", tls: implicit }], backend: "127.0.0.1:9", domains: [example.net], tls: { acme: { hosts: [mail.example.net] } } }
`;
    const running = await startOrdering(
      owner,
      listen(first),
      more,
      '',
      '',
      ', tls: { certificatesOf: sites }',
    );
    const ports = [secure, mail, running.admin];
    const before = await Promise.all(ports.map((port) => issued(port)));
    assert.equal(new Set(before.map(({ serial }) => serial)).size, 1);
    assert.equal((await issued(mail, 'mail.example.net')).names, 'DNS:mail.example.net');

    const kept = await keptAlive(secure);
    assert.match(await kept.ask(), /^HTTP\/1\.1 200/);
    const failed: number[] = [];
    let [shaken, going] = [0, true];
    const visitors = (async () => {
      for (; going; await delay(25), shaken++)
        if ((await shownAt(secure))?.names !== `DNS:${host}`) failed.push(shaken);
    })();

    // Another authority: every certificate is ordered again.
    const held = hold(second);
    await running.change((yaml) =>
      yaml.replaceAll(first.directory, second.directory).replaceAll(first.ca, second.ca),
    );
    await held.reached;
    running.process.signal('SIGHUP');
    await eventually(
      () => (running.process.stdout() + running.process.stderr()).split('the config was reloaded').length > 2,
      'the second reload',
      10_000,
    );
    assert.equal((await shownAt(secure))?.serial, before[0]!.serial, 'until there is a new one');
    assert.match(await kept.ask(), /^HTTP\/1\.1 200/);
    held.release();
    for (const port of ports)
      await eventually(
        async () => ![null, before[0]!.serial].includes((await shownAt(port))?.serial ?? null),
        `another certificate at ${ports.indexOf(port)}`,
        20_000,
      );
    assert.match(await kept.ask(), /^HTTP\/1\.1 200/);
    assert.deepEqual([failed, shaken > 20], [[], true]);

    // Stop during the next order.
    const again = hold(first);
    await running.change((yaml) =>
      yaml.replaceAll(second.directory, first.directory).replaceAll(second.ca, first.ca),
    );
    await again.reached;
    going = false;
    await visitors;
    const { serial } = (await shownAt(secure))!;
    kept.socket.destroy();
    assert.deepEqual(await running.process.stop(), { code: 0, signal: null });
    again.release();
    first.answer = () => null;
    const next = await startOrdering(
      owner,
      listen(first),
      more,
      dirname(running.config),
      '',
      ', tls: { certificatesOf: sites }',
    );
    assert.equal(
      (await shownAt(secure))?.serial,
      serial,
      'the existing certificate is served from the start',
    );
    await eventually(
      async () => ![undefined, serial].includes((await shownAt(secure))?.serial),
      'the order is made again',
      20_000,
    );

    // An additional name, at every listener.
    await next.change((text) => text.replace(host, `${host}, second.example.net`));
    for (const port of [secure, mail, next.admin]) await issued(port, 'second.example.net');
    assert.doesNotMatch(next.process.stdout() + next.process.stderr(), /"level":50/);
  });
});
