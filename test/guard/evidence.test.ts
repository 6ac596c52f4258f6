import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { suite, test } from 'node:test';
import { evidenceLimit, probeEvent } from '../../src/events/probe-event.ts';
import { printable, redact } from '../../src/events/redact.ts';
import { collectEvidence, evidenceTime } from '../../src/guard/evidence-collector.ts';
import { denied } from '../../src/judge.ts';
import { corpusPolicy } from '../support/policy.ts';

const { policy } = corpusPolicy();
const collected = (stream: PassThrough): Promise<string> =>
  new Promise((done) => collectEvidence(stream, done));

suite('evidence', () => {
  test('is bounded to 8 KiB; what follows is read and discarded', async () => {
    const stream = new PassThrough();
    const body = collected(stream);
    stream.end(Buffer.alloc(100_000, 'x'));
    assert.equal((await body).length, evidenceLimit);
    assert.equal(evidenceLimit, 8192);
  });

  test('an endless sender is cut off after 256 KiB, and the callback runs once', async () => {
    const stream = new PassThrough({ highWaterMark: 1 << 20 });
    let calls = 0;
    collectEvidence(stream, () => calls++);
    stream.write(Buffer.alloc(256 * 1024));
    await new Promise(setImmediate);
    assert.equal(calls, 0, 'not after as much as is discarded');
    stream.write('x');
    await new Promise(setImmediate);
    assert.deepEqual([calls, stream.listenerCount('data')], [1, 0]);
    stream.destroy();
    await new Promise(setImmediate);
    assert.equal(calls, 1);
  });

  for (const [what, leave] of [
    ['ends and stays half open', (stream) => stream.end()],
    ['closes without an end', (stream) => stream.destroy()],
    ['fails without closing', (stream) => stream.emit('error', new Error('read ECONNRESET'))],
  ] as readonly (readonly [string, (stream: PassThrough) => unknown])[])
    test(`is complete once the sender ${what}`, async (t) => {
      // The time for evidence never ends here.
      t.mock.timers.enable({ apis: ['setTimeout'] });
      const stream = new PassThrough({ autoDestroy: false });
      const body = collected(stream);
      stream.write('all\xe9', 'latin1');
      await new Promise(setImmediate);
      leave(stream);
      assert.equal(await body, 'all\xe9');
    });

  test('leaves no timer behind', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const stream = new PassThrough();
    const body = collected(stream);
    assert.equal(timers(), before + 1);
    stream.end();
    await body;
    assert.equal(timers(), before);
  });

  test('of a sender that has left already is empty', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const stream = new PassThrough();
    stream.destroy();
    await once(stream, 'close');
    assert.equal(await collected(stream), '');
  });

  test('holds no more than the chunks of its first 8 KiB', async (t) => {
    const joined: number[] = [];
    const concat = Buffer.concat.bind(Buffer);
    t.mock.method(Buffer, 'concat', (list: readonly Uint8Array[], total?: number) => {
      joined.push(list.length);
      return concat(list, total);
    });
    const stream = new PassThrough({ highWaterMark: 1 << 20 });
    const body = collected(stream);
    for (let i = 0; i < 20; i++) {
      stream.write(Buffer.alloc(4096, 'x'));
      await new Promise(setImmediate);
    }
    stream.end();
    assert.equal((await body).length, evidenceLimit);
    assert.deepEqual(joined, [2]);
  });

  test('a silent sender is awaited for a bounded time', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const stream = new PassThrough();
    const body = collected(stream);
    stream.write('half of it');
    await new Promise(setImmediate);
    let settled = false;
    void body.then(() => {
      settled = true;
    });
    t.mock.timers.tick(evidenceTime - 1);
    await new Promise(setImmediate);
    assert.equal(settled, false);
    t.mock.timers.tick(1);
    assert.equal(await body, 'half of it');
    assert.equal(evidenceTime, 1000);
  });

  test('an event has at most 8 KiB of the head and 8 KiB of the body, in printable ASCII', () => {
    const verdict = denied(policy);
    const long = 'x'.repeat(50_000);
    const event = probeEvent({
      time: 1,
      listener: 'http',
      client: '192.0.2.1',
      verdict,
      head: long,
      body: long,
    });
    assert.equal(event.bytes.length, 2 * evidenceLimit);
    assert.ok(event.request.length <= 1024);
    const odd = probeEvent({
      time: 1,
      listener: 'http',
      client: '192.0.2.1',
      verdict,
      head: 'GET / HTTP/1.1\r\nA: \x1b[31m\0\xff\\n\r\n\r\n',
      body: '\n',
    });
    assert.equal(odd.request, 'GET / HTTP/1.1');
    assert.equal(odd.bytes, String.raw`GET / HTTP/1.1\r\nA: \x1b[31m\x00\xff\\n\r\n\r\n\n`);
  });

  for (const [what, text] of [
    ['Authorization', 'Authorization: Bearer hunter2\r\n'],
    ['Proxy-Authorization', 'proxy-authorization:Basic hunter2\r\n'],
    ['Cookie', 'COOKIE: a=hunter2; b=hunter2\r\n'],
    ['a key header', 'X-Api-Key: hunter2\r\n'],
    ['userinfo', 'GET http://user:hunter2@a.example/ HTTP/1.1\r\n'],
    ['a query parameter', 'GET /?a=1&password=hunter2&b=2 HTTP/1.1\r\n'],
    ['a form field', '\r\n\r\nuser=me&token=hunter2'],
    ['a header after a bare LF', 'GET / HTTP/1.1\nAuthorization: hunter2\n'],
    ['a header after a bare CR', 'GET / HTTP/1.1\rAuthorization: hunter2\r'],
    ['a header with a space before its colon', 'Authorization : hunter2\r\n'],
    ['a folded header', 'Authorization: Basic\r\n hunter2\r\nHost: a\r\n'],
    ['a folded header with a tab', 'Cookie:\r\n\thunter2\r\nHost: a\r\n'],
    ['a form field at the start of the body', '\r\n\r\npassword=hunter2'],
    ['JSON that breaks off', '\r\n\r\n{"token" : "a\\"hunter2'],
    ['JSON', '\r\n\r\n{"user":"me","password":"hunter2"}'],
  ] as const)
    test(`contains no secret from ${what}`, () => assert.doesNotMatch(redact(text), /hunter2/));

  test('redaction keeps the rest readable', () => {
    assert.equal(
      redact('GET /?a=1&password=x&b=2 HTTP/1.1\r\nHost: a\r\n'),
      'GET /?a=1&password=[redacted]&b=2 HTTP/1.1\r\nHost: a\r\n',
    );
    assert.equal(redact('Cookie: a=b\r\nHost: a\r\n'), 'Cookie: [redacted]\r\nHost: a\r\n');
  });

  test('any bytes become one printable line', () => {
    const all = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
    assert.match(printable(all), /^[\x20-\x7e]+$/);
  });
});
