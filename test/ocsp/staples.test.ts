/** Which answers of responders are refused, how long a response is used, and what is reported. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { after, suite, type TestContext, test } from 'node:test';
import { type StapleState, Staples } from '../../src/ocsp/staples.ts';
import { eventually } from '../support/eventually.ts';
import { Authority, type Issued, scriptedResponder } from '../support/ocsp.ts';
import type { Owner } from '../support/owner.ts';

const owner = { after };
const authority = await Authority.create(owner);
const stranger = await Authority.create(owner);
const long = 30_000;

/** A staple with its own clock, and everything that is reported about it. */
function follow(t: Owner, { cert }: Issued) {
  const clock = { ahead: 0 };
  const staples = new Staples(() => Date.now() + clock.ahead, { first: 1000, longest: 2000, sleep: 200 });
  const told: string[] = [];
  const changes: (readonly StapleState[])[] = [];
  staples.events = {
    onResponse: (name) => told.push(`response ${name}`),
    onChange: () => changes.push(staples.states),
    onFailure: (_name, why) => told.push(`failure ${why}`),
    onTrouble: (_name, why) => told.push(why === null ? 'resolved' : `trouble ${why}`),
  };
  const user = {};
  t.after(() => staples.leave(user));
  const chain = readFileSync(cert);
  const staple = staples.of(user, new X509Certificate(chain), chain)!;
  return { staple, staples, told, clock, user, changes };
}

type Answer = (request: Buffer, response: ServerResponse, elsewhere: string) => Promise<Buffer | null>;

const refusals: Readonly<Record<string, readonly [Answer, RegExp]>> = {
  'an answer of 1 MiB': [async () => Buffer.alloc(1024 * 1024), /too long/],
  'an answer without an end': [
    async (_request, response) => {
      const timer = setInterval(() => response.write('0'), 500);
      response.on('close', () => clearInterval(timer));
      return null;
    },
    /did not answer in time/,
  ],
  'no answer': [async () => null, /did not answer in time/],
  'an empty answer': [async () => Buffer.alloc(0), /malformed/],
  'a page of text': [async () => Buffer.from('<html>Welcome to the hotel</html>'), /malformed/],
  'a redirect': [
    async (_request, response, elsewhere) => {
      response.writeHead(307, { Location: elsewhere });
      return Buffer.alloc(0);
    },
    /answered 307/,
  ],
  'an endless header': [
    async (_request, response) => {
      response.writeHead(200, { 'X-Long': 'a'.repeat(20_000) });
      return Buffer.alloc(0);
    },
    /Header overflow/,
  ],
  'a response that somebody else signed': [
    (request) => authority.respond(request, ['-ndays', '1'], stranger),
    /not signed by the issuer or for it/,
  ],
};

suite('refused are', { concurrency: true }, () => {
  for (const [what, [answer, why]] of Object.entries(refusals))
    test(what, async (t) => {
      const elsewhere = await scriptedResponder(t, (request) => authority.respond(request));
      const { url } = await scriptedResponder(t, (request, response) =>
        answer(request, response, elsewhere.url),
      );
      const { staple, told } = follow(t, authority.issue('www.example.net', { responder: url }));
      await staple.asked;
      assert.equal(told.length, 1);
      assert.match(told[0]!, why);
      assert.match(told[0]!, /^trouble .*handshakes go on without a response/);
      assert.equal(staple.response, null);
      assert.equal(elsewhere.asked(), 0);
    });
});

test('a response is used until its end, and its renewal is tried again', async (t) => {
  let works = true;
  const { url, asked } = await scriptedResponder(t, (request, response) => {
    if (works) return authority.respond(request, ['-nmin', '1']);
    response.writeHead(503);
    return Promise.resolve(Buffer.alloc(0));
  });
  const { staple, told, clock } = follow(t, authority.issue('www.example.net', { responder: url }));
  // Near its end from the start, so that it is renewed soon.
  clock.ahead = 50_000;
  await staple.asked;
  assert.notEqual(staple.response, null);
  works = false;
  await eventually(() => told.length >= 2, 'the renewal fails', long);
  assert.deepEqual(told[0], 'response www.example.net');
  assert.match(told[1]!, /^trouble .*answered 503; the last one is valid until/);
  assert.notEqual(staple.response, null);
  clock.ahead = 61_000;
  assert.equal(staple.response, null);
  clock.ahead = 0;
  works = true;
  await eventually(() => told.includes('resolved'), 'it is renewed', long);
  assert.deepEqual(told.slice(-2), ['response www.example.net', 'resolved']);
  assert.notEqual(staple.response, null);
  assert.ok(asked() >= 3);
});

test('a failure while most of the validity is left is reported as such', async (t) => {
  let works = true;
  const { url } = await scriptedResponder(t, async (request) =>
    works ? authority.respond(request, ['-nmin', '1']) : Buffer.alloc(0),
  );
  const { staple, told, clock } = follow(t, authority.issue('www.example.net', { responder: url }));
  clock.ahead = 50_000;
  await staple.asked;
  works = false;
  clock.ahead = 0;
  await eventually(() => told.length >= 2, 'the renewal fails', long);
  assert.match(told[1]!, /^failure /);
});

/** A certificate that is revoked after its first good response. */
async function revoked(t: TestContext, url: string) {
  const issued = authority.issue('www.example.net', { responder: url });
  const { staple, told, clock } = follow(t, issued);
  clock.ahead = 50_000;
  await staple.asked;
  assert.notEqual(staple.response, null);
  authority.mark(issued, 'revoked');
  return { staple, told };
}

test('a response is dropped when its certificate is revoked', async (t) => {
  const { url } = await scriptedResponder(t, (request) => authority.respond(request, ['-nmin', '1']));
  const { staple, told } = await revoked(t, url);
  await eventually(() => told.length >= 2, 'it is asked again', long);
  assert.match(told[1]!, /^trouble its authority has revoked it, since 2025-01-01T00:00:00/);
  assert.equal(staple.response, null);
});

test('the last good response of a revoked certificate cannot be replayed', async (t) => {
  let recorded: Buffer | null = null;
  let step = 0;
  const { url } = await scriptedResponder(t, async (request) => {
    step++;
    if (step === 1) recorded = await authority.respond(request, ['-nmin', '1']);
    return step === 2 ? authority.respond(request) : recorded;
  });
  const { staple, told } = await revoked(t, url);
  await eventually(() => told.length >= 3, 'it is asked twice more', long);
  assert.match(told[1]!, /^trouble its authority has revoked it/);
  assert.match(told[2]!, /^trouble .* older than the one before/);
  assert.equal(staple.response, null);
});

test('without responder or issuer nobody is asked, and the fix is named', async (t) => {
  const { url, asked } = await scriptedResponder(t, (request) => authority.respond(request));
  for (const [options, why] of [
    [{}, /names no OCSP responder with an http: address/],
    [{ responder: 'https://127.0.0.1:1/' }, /names no OCSP responder with an http: address/],
    [{ responder: url, withIssuer: false }, /use the full chain/],
  ] as const) {
    const { staple, told } = follow(t, authority.issue('www.example.net', options));
    await staple.asked;
    assert.match(told[0]!, why);
  }
  assert.equal(asked(), 0);
});

test('of two authorities with one name in the file, the one that signed the certificate is its issuer', async (t) => {
  const { url } = await scriptedResponder(t, (request) => authority.respond(request));
  const options = { responder: url, namesKey: false, withIssuer: false } as const;
  const { cert, ...issued } = authority.issue('www.example.net', options);
  const both = join(authority.folder, 'both.pem');
  writeFileSync(
    both,
    [cert, stranger.cert, authority.cert].map((file) => readFileSync(file, 'utf8')).join(''),
  );
  const { staple, told } = follow(t, { ...issued, cert: both });
  await staple.asked;
  assert.deepEqual(told, ['response www.example.net']);
});

test('listeners with the same certificate share a response, which ends with the last of them', async (t) => {
  const { url, asked } = await scriptedResponder(t, (request) => authority.respond(request));
  const issued = authority.issue('www.example.net', { responder: url });
  const { staple, staples, user } = follow(t, issued);
  const other = {};
  const chain = readFileSync(issued.cert);
  const again = () => staples.of(other, new X509Certificate(chain), chain)!;
  assert.equal(again(), staple);
  await staple.asked;
  staples.leave(user);
  assert.equal(again(), staple);
  assert.equal(asked(), 1);
  staples.keep(other, new Set());
  const fresh = again();
  assert.notEqual(fresh, staple);
  await fresh.asked;
  assert.equal(asked(), 2);
  staples.leave(other);
});

test('the state says when the response was fetched, until when it is valid, and why it is not renewed', async (t) => {
  let works = true;
  const { url } = await scriptedResponder(t, async (request) =>
    works ? authority.respond(request, ['-nmin', '60']) : Buffer.alloc(0),
  );
  const issued = authority.issue('www.example.net', { responder: url });
  const before = Date.now();
  const { staple, staples, clock, changes } = follow(t, issued);
  const same = { host: 'www.example.net', serial: issued.serial.toLowerCase(), key: 'ec' };
  assert.deepEqual(staples.states, [{ ...same, fetched: null, until: null, trouble: null, urgent: false }]);
  await staple.asked;
  await eventually(() => changes.length > 0, 'the first change', long);
  const [{ fetched, until, ...good }] = changes.at(-1) as [StapleState];
  assert.deepEqual(good, { ...same, trouble: null, urgent: false });
  assert.ok(fetched! >= before && fetched! <= Date.now());
  assert.equal(until! % 1000, 0);
  assert.ok(until! > before + 3_500_000 && until! <= Date.now() + 3_600_000);
  works = false;
  // A sleep of the machine: its timers stand still, its clock does not.
  clock.ahead = 34 * 60_000;
  await eventually(() => staple.state.trouble !== null, 'the renewal fails', long);
  const { trouble, urgent, ...kept } = staple.state;
  assert.deepEqual(kept, { ...same, fetched, until });
  assert.match(trouble!, /the response is malformed; the last one is valid until/);
  assert.equal(urgent, false);
  assert.deepEqual(changes.at(-1), [staple.state]);
  clock.ahead = 46 * 60_000;
  await eventually(() => staple.state.urgent, 'less than a quarter of the validity is left', long);
});

test('the trouble of one certificate is not resolved by another one of the same name', async (t) => {
  let rsaWorks = false;
  const { url: goodUrl } = await scriptedResponder(t, (request) => authority.respond(request));
  const { url: badUrl } = await scriptedResponder(t, async (request) =>
    rsaWorks ? authority.respond(request) : Buffer.alloc(0),
  );
  const { staple, staples, told, user } = follow(
    t,
    authority.issue('www.example.net', { responder: badUrl, kind: 'rsa' }),
  );
  await staple.asked;
  assert.match(told[0]!, /^trouble /);
  const chain = readFileSync(authority.issue('www.example.net', { responder: goodUrl }).cert);
  const other = staples.of(user, new X509Certificate(chain), chain)!;
  await other.asked;
  assert.notEqual(other.response, null);
  assert.ok(!told.includes('resolved'), told.join('; '));
  rsaWorks = true;
  await eventually(() => told.includes('resolved'), 'its own response', long);
});

test('a fresh response is not asked for again before half of its validity', async (t) => {
  const { url, asked } = await scriptedResponder(t, (request) => authority.respond(request));
  for (let times = 1; times <= 8; times++) {
    const { staple, told } = follow(t, authority.issue('www.example.net', { responder: url }));
    await staple.asked;
    await eventually(() => told.length > 0, 'its response', long);
    await new Promise(setImmediate);
    assert.equal(asked(), times);
  }
});
