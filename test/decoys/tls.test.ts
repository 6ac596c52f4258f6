/** The TLS decoy: requests after the handshake, and the server name in it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect as connectTcp, createServer } from 'node:net';
import { suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'node:tls';
import { watchDials } from '../support/no-dial.ts';
import { requirePeer, without } from '../support/peers.ts';
import { runProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { startDecoy } from './support.ts';

const tls = { rejectUnauthorized: false, servername: 'www.example.com' };

suite('the TLS decoy', () => {
  test('reads requests after the handshake, and refuses them', async (t) => {
    const { port, events } = await startDecoy(t, 'tls');
    for (const [bytes, rule, status] of [
      ['GET http://www.example.com/ HTTP/1.0\r\n\r\n', 'absolute-form-foreign', 403],
      ['CONNECT mail.example.com:25 HTTP/1.1\r\n\r\n', 'connect', 405],
      ['GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n', 'host-foreign', 403],
    ] as const) {
      const reply = await exchange(port, bytes, { tls });
      assert.equal(reply.responses[0]?.status, status);
      const { rule: seen, answer, sni, listener, localPort } = events.at(-1)!;
      assert.deepEqual([seen, answer, sni, localPort], [rule, status, 'www.example.com', port]);
      assert.match(listener, /^decoy tls 127\.0\.0\.1:/);
    }
    const socks = await exchange(port, '\x05\x01\x00\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x19', { tls });
    assert.equal(socks.bytes.toString('hex'), '05020001000000000000');
    assert.equal(events.at(-1)!.destination, '192.0.2.1:25');
    assert.equal(events.length, 4);
  });

  test('records the server name of a hello without a request after it', async (t) => {
    const { port, events } = await startDecoy(t, 'tls', { messageTime: 300 });
    const silent = connect({ port, host: '127.0.0.1', ...tls });
    await once(silent, 'secureConnect');
    silent.end();
    await once(silent.resume(), 'close');
    assert.deepEqual(
      events.map(({ rule, sni, answer, destination, counts, protocol }) => [
        ...[rule, sni, answer, destination, counts, protocol],
      ]),
      [['sni-foreign', 'www.example.com', 'drop', 'www.example.com:443', false, 'tls']],
    );
    // A client that rejects the certificate leaves in the handshake, as browsers and most scanners do.
    const strict = connect({ port, host: '127.0.0.1', servername: 'target.example.com' });
    await once(strict, 'error');
    for (let i = 0; i < 100 && events.length < 2; i++) await delay(20);
    assert.equal(events.at(-1)!.sni, 'target.example.com');
    assert.equal(events.length, 2);
  });

  test('reads plain HTTP, SOCKS and broken hellos too', async (t) => {
    const { port, events } = await startDecoy(t, 'tls', { messageTime: 300 });
    const plain = await exchange(port, 'CONNECT www.example.com:443 HTTP/1.1\r\n\r\n');
    assert.equal(plain.responses[0]?.status, 405);
    await exchange(port, '\x04\x01\x00\x19\xc0\x00\x02\x01\x00');
    assert.deepEqual(
      events.map(({ rule, sni }) => [rule, sni]),
      [
        ['connect', undefined],
        ['socks4', undefined],
      ],
    );
    await exchange(port, '\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00');
    assert.equal(events.at(-1)!.protocol, 'tls');
    assert.equal(events.length, 3);
    const idle = connectTcp(port, '127.0.0.1');
    await once(idle.resume(), 'close');
    assert.equal(events.length, 3);
  });

  test('records the server name at a port without TLS too, also from a hello in pieces', async (t) => {
    const { port, events } = await startDecoy(t, 'http-proxy');
    for (const cut of [null, 20, 60]) {
      const relay = createServer((client) => {
        const upstream = connectTcp(port, '127.0.0.1');
        upstream.setNoDelay(true);
        client.once('data', async (hello: Buffer) => {
          upstream.write(hello.subarray(0, cut ?? hello.length));
          await delay(20);
          upstream.write(hello.subarray(cut ?? hello.length));
        });
        for (const socket of [client, upstream]) socket.on('error', () => {});
        upstream.on('close', () => client.destroy());
      });
      await once(relay.listen(0, '127.0.0.1'), 'listening');
      t.after(() => relay.close());
      const client = connect({ port: (relay.address() as AddressInfo).port, host: '127.0.0.1', ...tls });
      await once(client, 'error');
      const { rule, sni, destination } = events.at(-1)!;
      assert.deepEqual(
        [rule, sni, destination],
        ['tls-on-plaintext', 'www.example.com', 'www.example.com:443'],
      );
    }
    assert.equal(events.length, 3);
  });

  test('curl and openssl find no proxy, what they asked for is recorded, and nothing is dialled', {
    skip: without('curl', 'openssl'),
  }, async (t) => {
    const watch = watchDials(t);
    const { port, events } = await startDecoy(t, 'tls', { skin: 'squid', realm: 'proxy' });
    const args = [
      '-sSk',
      '-m',
      '10',
      '--proxy-insecure',
      '-x',
      `https://127.0.0.1:${port}`,
      '-U',
      'admin:hunter2',
    ];
    for (const url of ['http://target.example.com:8081/', 'https://target.example.com:8443/']) {
      const result = await runProcess(requirePeer('curl'), [...args, '-f', url]);
      assert.notEqual(result.code, 0);
      assert.match(events.at(-1)!.destination ?? '', /target\.example\.com:8/);
      assert.equal(events.at(-1)!.answer, 407);
    }
    assert.equal(events[0]!.credentialHash, events[1]!.credentialHash);
    const s_client = await runProcess(requirePeer('openssl'), [
      ...['s_client', '-connect', `127.0.0.1:${port}`, '-servername', 'old.example.com', '-tls1_2'],
    ]);
    assert.match(s_client.stdout, /CN ?= ?localhost/);
    assert.equal(events.at(-1)!.sni, 'old.example.com');
    assert.deepEqual(watch.others(), []);
  });
});
