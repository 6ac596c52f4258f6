import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import dns, { lookup } from 'node:dns';
import { once } from 'node:events';
import net from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import tls from 'node:tls';
import { promisify } from 'node:util';
import { request } from 'undici';
import { startCanary } from './canary.ts';
import { readDialLog, strangers, watchDials } from './no-dial.ts';
import { runProcess } from './process.ts';
import { tempDir } from './temp-dir.ts';

test('sees every way to dial', async (t) => {
  const canary = await startCanary(t);
  const watch = watchDials(t);
  const { port, url } = canary;
  const dial = async (socket: net.Socket): Promise<void> => {
    socket.on('error', () => {});
    socket.end('hello\r\n').resume();
    await new Promise((done) => socket.once('close', done));
  };
  await dial(net.connect(port, '127.0.0.1'));
  await dial(net.createConnection({ port, host: '127.0.0.1' }));
  await dial(new net.Socket().connect(port, '127.0.0.1'));
  await dial(tls.connect({ port, host: '127.0.0.1' }));
  await (await fetch(url)).text();
  await (await request(url)).body.text();
  assert.deepEqual(watch.others(), Array(6).fill(`connect 127.0.0.1:${port}`));
  assert.equal(canary.connections.length, 6);
});

test('sees look-ups, whatever the import', async (t) => {
  const watch = watchDials(t);
  await new Promise((done) => lookup('one.invalid', done));
  await promisify(dns.lookup)('two.invalid').catch(() => {});
  await dns.promises.lookup('three.invalid').catch(() => {});
  // Cancelled at once: the call must be recorded, the query need not be sent.
  const resolver = new dns.Resolver({ timeout: 1, tries: 1 });
  resolver.setServers(['127.0.0.1:9']);
  const answered = new Promise((done) => resolver.resolve4('four.invalid', done));
  resolver.cancel();
  await answered;
  await dns.promises.lookup('127.0.0.1');
  // The promise form of the callback function is unchanged.
  assert.deepEqual(await promisify(dns.lookup)('127.0.0.1'), { address: '127.0.0.1', family: 4 });
  assert.deepEqual(
    watch.others(),
    ['one', 'two', 'three', 'four'].map((name) => `lookup ${name}.invalid`),
  );
});

test('sees a dialled name and its look-up', async (t) => {
  const watch = watchDials(t);
  const socket = net.connect(9, 'mail.invalid');
  await once(socket, 'error');
  assert.deepEqual(watch.others(), ['connect mail.invalid:9', 'lookup mail.invalid']);
});

test('sees datagrams', async (t) => {
  const receiver = dgram.createSocket('udp4');
  await once(receiver.bind(0, '127.0.0.1'), 'listening');
  const watch = watchDials(t);
  const { port } = receiver.address();
  const sender = dgram.createSocket('udp4');
  sender.send('a', port, '127.0.0.1');
  await once(receiver, 'message');
  sender.close();
  receiver.close();
  // An unbound socket binds itself and then sends again.
  assert.deepEqual([...new Set(watch.others())], [`datagram 127.0.0.1:${port}`]);
});

test('allows exactly what is allowed', async (t) => {
  const canary = await startCanary(t);
  const watch = watchDials(t, [`localhost:${canary.port}`]);
  await (await fetch(canary.url)).text();
  assert.equal(watch.others().length, 1);
  watch.allow(canary.authority);
  assert.deepEqual(watch.others(), []);
  assert.equal(watch.dials.length, 1);
});

test('restores all functions', (t) => {
  const before = [
    net.Socket.prototype.connect,
    dns.lookup,
    dns.promises.resolve,
    dgram.Socket.prototype.send,
  ];
  const watch = watchDials(t);
  const during = [
    net.Socket.prototype.connect,
    dns.lookup,
    dns.promises.resolve,
    dgram.Socket.prototype.send,
  ];
  watch.restore();
  const after = [net.Socket.prototype.connect, dns.lookup, dns.promises.resolve, dgram.Socket.prototype.send];
  for (const [index, original] of before.entries()) {
    assert.notEqual(during[index], original);
    assert.equal(after[index], original);
  }
  assert.equal(lookup, dns.lookup);
});

test('writes the dials of a child process to its log', async (t) => {
  const canary = await startCanary(t);
  const log = join(await tempDir(t, 'dials'), 'dials.log');
  const code = `await (await fetch('${canary.url}')).text(); (await import('node:dns')).lookup('child.invalid', () => {});`;
  const options = { env: { SEKISHO_DIAL_LOG: log } };
  const preload = join(import.meta.dirname, 'no-dial.ts');
  const args = ['--import', preload, '--input-type=module', '-e', code];
  const { code: exit, stderr } = await runProcess(process.execPath, args, options);
  assert.equal(exit, 0, stderr);
  assert.deepEqual(strangers(readDialLog(log), []), [`connect ${canary.authority}`, 'lookup child.invalid']);
  assert.deepEqual(strangers(readDialLog(log), [canary.authority, 'child.invalid']), []);
});

test('a log that was never started is an error, not an empty list', () => {
  assert.throws(() => readDialLog('/nonexistent/dials.log'), /no dial log was started/);
});
