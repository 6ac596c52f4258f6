/** Orders and renewals with a real Pebble, and a clock that the test sets. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, suite, type TestContext, test } from 'node:test';
import { certificateFile, tokenAnswer } from '../../src/acme/acme-folder.ts';
import { AcmeError } from '../../src/acme/client.ts';
import type { AcmeOptions } from '../../src/acme/options.ts';
import { backOff, Renewals } from '../../src/acme/renewals.ts';
import { type Pebble, startPebble } from '../support/pebble.ts';
import { type PebbleFront, type Said, startFront } from '../support/pebble-front.ts';
import { without } from '../support/peers.ts';
import { tempDir } from '../support/temp-dir.ts';

const owner = { after };
const host = 'www.example.net';
const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];

const missing = without('pebble', 'pebble-challtestsrv');
/** The ACME folder whose tokens are answered on the port that Pebble connects to. */
let serving = '';
const pebble = missing === false ? await startPebble(owner) : (null as never);
if (missing === false) {
  const server = createServer(({ url = '' }, response) => {
    const answer = tokenAnswer(serving, url.slice(url.lastIndexOf('/') + 1));
    response.writeHead(answer === null ? 404 : 200).end(answer);
  });
  await new Promise<void>((done) => server.listen(pebble.httpPort, '127.0.0.1', done));
  after(() => server.close());
}

interface Orders {
  readonly folder: string;
  readonly renewals: Renewals;
  readonly troubles: (string | null)[];
  readonly issued: string[];
  clock: number;
  options(more: Partial<AcmeOptions>): AcmeOptions;
  /** The certificate in use. */
  shown(name?: string): X509Certificate;
}

async function orders(
  t: TestContext,
  authority: Pebble,
  { folder: known, ...more }: Partial<AcmeOptions> = {},
): Promise<Orders> {
  const folder = known ?? (await tempDir(t, 'acme'));
  serving = folder;
  const { directory, ca } = authority;
  const options = (others: Partial<AcmeOptions>): AcmeOptions => ({
    folder,
    directory,
    ca,
    email: 'admin@example.net',
    externalAccount: null,
    secret: null,
    hosts: [host],
    challenges: ['http-01'],
    ...more,
    ...others,
  });
  const made: Orders = {
    folder,
    troubles: [],
    issued: [],
    clock: Date.now(),
    options,
    shown: (name = host) => new X509Certificate(certificateOf(folder, name)),
    renewals: new Renewals({
      acme: options({}),
      events: {
        onCertificate: (name) => made.issued.push(name),
        onTrouble: (_name, reason) => made.troubles.push(reason),
        onError: (error) => assert.fail(error),
      },
      now: () => made.clock,
    }),
  };
  t.after(() => made.renewals.close());
  await made.renewals.start();
  return made;
}

function certificateOf(folder: string, name: string): string {
  const pem = readFileSync(certificateFile(folder, name), 'utf8');
  return pem.slice(pem.indexOf('-----BEGIN CERTIFICATE'));
}

const isOrder = ({ path, payload }: { path: string; payload: object | null }): boolean =>
  path === '/order-plz' && payload !== null;
const newOrders = ({ asked }: PebbleFront) => asked.filter(isOrder).map(({ payload }) => payload!);
const refusal = (status: number, type: string, headers: Said['headers'] = {}): Said => ({
  status,
  headers,
  body: { type: `urn:ietf:params:acme:error:${type}`, detail: 'no' },
});

suite('renewals', { skip: missing }, () => {
  test('a certificate is renewed when a third of its lifetime is left, and not before', async (t) => {
    const made = await orders(t, pebble);
    const first = made.shown();
    const [from, to] = [first.validFromDate.getTime(), first.validToDate.getTime()];
    const due = to - Math.floor((to - from) / 3);
    made.clock = due - hour;
    await made.renewals.check();
    assert.equal(made.shown().serialNumber, first.serialNumber);
    assert.equal(made.renewals.states[0]!.next, due);
    // Certificates have whole seconds: one of the same second as the first would be due at once.
    await new Promise((done) => setTimeout(done, 1000));
    made.clock += hour;
    await made.renewals.check();
    assert.notEqual(made.shown().serialNumber, first.serialNumber);
    assert.deepEqual([made.issued, made.troubles], [[host, host], []]);
  });

  test('with a clock years ahead one order is made, and the clock is reported', async (t) => {
    const made = await orders(t, pebble);
    made.clock += 10 * 365 * day;
    await made.renewals.check();
    assert.match(made.troubles[0]!, /is already due for renewal: check this machine's clock/);
    const second = made.shown().serialNumber;
    await made.renewals.check();
    assert.equal(made.shown().serialNumber, second);
  });

  test('renewal information sets the renewal time, and is polled as the authority asks', async (t) => {
    const front = await startFront(owner, pebble, true);
    const window = { start: new Date(Date.now() + 10 * day), end: new Date(Date.now() + 11 * day) };
    front.answer = ({ path }) =>
      path.startsWith('/renewal-info/')
        ? { status: 200, headers: { 'Retry-After': '7200' }, body: { suggestedWindow: window } }
        : null;
    const asks = () => front.asked.filter(({ path }) => path.startsWith('/renewal-info/')).length;
    const made = await orders(t, front);
    assert.equal(newOrders(front)[0]!.replaces, undefined, 'the first one replaces nothing');
    const first = made.shown().serialNumber;
    await made.renewals.check();
    assert.equal(asks(), 1);
    const { next } = made.renewals.states[0]!;
    assert.ok(next >= window.start.getTime() && next <= window.end.getTime());
    made.clock += 2 * hour - minute;
    await made.renewals.check();
    assert.equal(asks(), 1);
    // The authority must revoke certificates: renew at once, whatever time is left.
    [window.start, window.end] = [new Date(Date.now() - day), new Date(Date.now() - hour)];
    made.clock += minute;
    await made.renewals.check();
    assert.equal(asks(), 2);
    assert.notEqual(made.shown().serialNumber, first);
    const { replaces } = newOrders(front)[1] as { replaces: string };
    const named = front.asked.find(({ path }) => path.startsWith('/renewal-info/'))!.path;
    assert.equal(named, `/renewal-info/${replaces}`);
    assert.equal(
      Buffer.from(replaces.split('.')[1]!, 'base64url').toString('hex').replace(/^00/, '').toUpperCase(),
      first,
    );
  });

  test('an order whose `replaces` is refused is made without it', async (t) => {
    const front = await startFront(owner, pebble, true);
    const past = { start: new Date(0), end: new Date(1) };
    front.answer = ({ path, payload }) => {
      if (path.startsWith('/renewal-info/')) return { status: 200, body: { suggestedWindow: past } };
      return payload?.replaces === undefined ? null : refusal(409, 'alreadyReplaced');
    };
    const made = await orders(t, front);
    const first = made.shown().serialNumber;
    await made.renewals.check();
    assert.notEqual(made.shown().serialNumber, first);
    assert.deepEqual(
      newOrders(front).map(({ replaces }) => replaces !== undefined),
      [false, true, false],
    );
  });

  test("the authority's rate limits are kept: Retry-After in seconds and as a date", async (t) => {
    const front = await startFront(owner, pebble);
    let wait = '7200';
    front.answer = (asked) => (isOrder(asked) ? refusal(429, 'rateLimited', { 'Retry-After': wait }) : null);
    const made = await orders(t, front);
    assert.match(made.troubles[0]!, /rateLimited: no; retrying in 120 minutes$/);
    made.clock += 2 * hour - minute;
    await made.renewals.check();
    assert.equal(newOrders(front).length, 1);
    wait = new Date(Date.now() + 3 * day).toUTCString();
    made.clock += minute;
    await made.renewals.check();
    assert.equal(newOrders(front).length, 2);
    assert.ok(Math.abs(made.renewals.states[0]!.next - made.clock - 3 * day) < minute);
    // After the limit the certificate is issued and the trouble resolved.
    front.answer = () => null;
    made.clock += 3 * day;
    await made.renewals.check();
    assert.deepEqual([made.issued, made.troubles.at(-1)], [[host], null]);
  });

  test('an approaching expiry is reported once a day, with the reason, until there is a new certificate', async (t) => {
    const front = await startFront(owner, pebble);
    const made = await orders(t, front);
    const to = made.shown().validToDate.getTime();
    front.answer = (asked) => (isOrder(asked) ? refusal(403, 'unauthorized') : null);
    made.clock = to - 13.5 * day;
    await made.renewals.check();
    const ends = () => made.troubles.filter((one) => one?.includes('its certificate expires in'));
    assert.deepEqual(ends(), [
      'its certificate expires in 13 days, and ordering a new one failed: unauthorized: no',
    ]);
    made.clock += hour;
    await made.renewals.check();
    assert.equal(ends().length, 1);
    made.clock += day;
    await made.renewals.check();
    assert.match(ends()[1]!, /^its certificate expires in 12 days/);
  });

  test('after a change of authority a certificate is ordered at once; the old one is served until then', async (t) => {
    const front = await startFront(owner, pebble);
    const made = await orders(t, front);
    const first = made.shown().serialNumber;
    await made.renewals.check();
    assert.equal(made.shown().serialNumber, first);
    made.renewals.replace(made.options({ directory: pebble.directory, ca: pebble.ca }));
    await made.renewals.check();
    assert.notEqual(made.shown().serialNumber, first);
  });

  test('a restart during a renewal keeps the certificate, and the next start renews it', async (t) => {
    const front = await startFront(owner, pebble);
    const made = await orders(t, front);
    const first = made.shown();
    let reached = (): void => {};
    const inTheMiddle = new Promise<void>((done) => {
      reached = done;
    });
    front.answer = async ({ path }) => {
      if (!path.startsWith('/finalize-order/')) return null;
      reached();
      return new Promise<never>(() => {});
    };
    const due = first.validToDate.getTime() - day;
    made.clock = due;
    const working = made.renewals.check();
    await inTheMiddle;
    await made.renewals.close();
    await working;
    assert.equal(made.shown().serialNumber, first.serialNumber);
    front.answer = () => null;
    const again = await orders(t, front, { folder: made.folder });
    assert.equal(made.shown().serialNumber, first.serialNumber, 'nothing is ordered before it is due');
    again.clock = due;
    await again.renewals.check();
    assert.notEqual(made.shown().serialNumber, first.serialNumber);
  });

  test('a damaged certificate file is replaced by a new order', async (t) => {
    const made = await orders(t, pebble);
    writeFileSync(certificateFile(made.folder, host), '-----BEGIN CERTIFICATE-----\nhalf');
    await made.renewals.check();
    assert.deepEqual(made.issued, [host, host]);
    assert.ok(made.shown().checkHost(host));
  });

  test('an unreachable authority is tried once per check, not once per host', async (t) => {
    const hosts = ['a.example.net', 'b.example.net', 'c.example.net'];
    const gone = { ...pebble, directory: 'https://localhost:1/dir' };
    const made = await orders(t, gone, { hosts });
    assert.equal(made.troubles.length, 1);
    assert.match(made.troubles[0]!, /ECONNREFUSED.*retrying in 5 minutes/);
    await made.renewals.check();
    assert.equal(made.troubles.length, 2);
  });
});

test('back-off doubles from five minutes to twelve hours; an authority may ask for up to a week', () => {
  const usual = new Error('no route');
  assert.deepEqual(
    [1, 2, 3, 4, 8, 9, 100].map((failures) => backOff(failures, usual) / minute),
    [5, 10, 20, 40, 640, 720, 720],
  );
  const asked = (wait: number | null): number => backOff(1, new AcmeError('no', 'rateLimited', wait));
  assert.deepEqual(
    [asked(null), asked(3 * hour), asked(1000), asked(365 * day)],
    [hour, 3 * hour, 5 * minute, 7 * day],
  );
});
