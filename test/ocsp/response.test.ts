/** Which OCSP responses are accepted. The requests are ours, and openssl's responder answers them. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { OcspError, ocspRequest, readResponse } from '../../src/ocsp/response.ts';
import { explicit, octets, oid, sequence, tlv } from '../../src/wire/der.ts';
import { Authority, type Issued } from '../support/ocsp.ts';

const owner = { after };
const ours = await Authority.create(owner);
const stranger = await Authority.create(owner);
const rsa = await Authority.create(owner, 'rsa');
const read = ({ cert }: { readonly cert: string }) => new X509Certificate(readFileSync(cert));
const leaf = ours.issue('www.example.net');
const minute = 60_000;

interface Asked {
  readonly authority?: Authority;
  readonly of?: Issued;
  readonly more?: readonly string[];
  readonly signer?: { readonly cert: string; readonly key: string };
}

const responseTo = ({ authority = ours, of = leaf, more, signer }: Asked): Promise<Buffer> =>
  authority.respond(ocspRequest(read(of), read(authority)), more, signer);

const judged = (bytes: Buffer, { authority = ours, of = leaf }: Asked = {}, now = Date.now()) =>
  readResponse(bytes, read(of), read(authority), now);

async function refused(asked: Asked, why: RegExp, later = 0): Promise<void> {
  const bytes = await responseTo(asked);
  const asUsual = { authority: asked.authority, of: leaf };
  assert.throws(
    () => judged(bytes, asUsual as Asked, Date.now() + later),
    (error) => error instanceof OcspError && why.test(error.message),
  );
}

test('a response signed by the issuer is accepted, with its times', async () => {
  const kinds: Asked[] = [{}, { authority: rsa, of: rsa.issue('rsa.example.net', { kind: 'rsa' }) }];
  for (const asked of kinds) {
    const answer = judged(await responseTo(asked), asked);
    assert.equal(answer.status, 'good');
    if (answer.status !== 'good') return;
    assert.equal(answer.until - answer.from, 1440 * minute);
    assert.ok(Math.abs(answer.from - Date.now()) < 5 * minute);
  }
});

test('without nextUpdate a response is used for a day', async () => {
  const answer = judged(await responseTo({ more: [] }));
  assert.equal(answer.status === 'good' && answer.until - answer.from, 1440 * minute);
});

test('revoked and unknown are told apart from good', async () => {
  const [bad, lost] = [ours.issue('bad.example.net'), ours.issue('lost.example.net')];
  ours.mark(bad, 'revoked');
  ours.mark(lost, 'unknown');
  const revoked = judged(await responseTo({ of: bad }), { of: bad });
  assert.equal(revoked.status === 'revoked' && revoked.at, Date.UTC(2025, 0, 1));
  assert.equal(judged(await responseTo({ of: lost }), { of: lost }).status, 'unknown');
});

test('a responder that the issuer appointed may sign, and nobody else', async () => {
  const appointed = ours.issue('ocsp.example.net', { staple: false, signsResponses: true });
  assert.equal(judged(await responseTo({ signer: appointed })).status, 'good');
  const customer = ours.issue('customer.example.net', { staple: false });
  await refused({ signer: customer }, /not signed/);
  // Authorities of the same name, with other keys.
  await refused({ signer: stranger }, /not signed/);
  for (const namesKey of [true, false]) {
    const theirs = stranger.issue('ocsp.example.net', { staple: false, signsResponses: true, namesKey });
    await refused({ signer: theirs }, /not signed/);
  }
  // The appointed one's certificate ends after two days.
  await refused({ signer: appointed, more: ['-ndays', '5'] }, /not signed/, 3 * 1440 * minute);
});

test('a response about another certificate is refused', () =>
  refused({ of: ours.issue('other.example.net') }, /about another certificate/));

test('a response is refused before and after its time', async () => {
  await refused({ more: ['-nmin', '5'] }, /expired/, 5 * minute + 1000);
  await refused({}, /not valid yet/, -10 * minute);
});

test('a weak signature algorithm is refused', () =>
  refused({ more: ['-ndays', '1', '-rmd', 'sha1'] }, /unknown algorithm/));

test('an error of the responder is named', () => {
  for (const [code, name] of Object.entries({ 2: 'internalError', 3: 'tryLater', 6: 'unauthorized' }))
    assert.throws(
      () => judged(Buffer.of(0x30, 3, 0x0a, 1, Number(code))),
      (error) => error instanceof OcspError && error.message === `the responder answered ${name}`,
    );
});

test('a response of thousands of elements is not read to its end', () => {
  const signed = sequence(sequence(Buffer.alloc(12_000, Buffer.of(2, 1, 1))));
  const basic = sequence(oid('1.3.6.1.5.5.7.48.1.1'), octets(signed));
  assert.throws(
    () => judged(sequence(tlv(0x0a, Buffer.of(0)), explicit(0, basic))),
    (error) => error instanceof OcspError && /node count exceeded/.test(String(error.cause)),
  );
});

test('bytes after a response are refused', async () => {
  const bytes = await responseTo({});
  assert.throws(() => judged(Buffer.concat([bytes, Buffer.of(0x05, 0x00)])), OcspError);
});

test('a changed response never throws anything else, and never changes what is accepted', async () => {
  const bytes = await responseTo({});
  const good = judged(bytes);
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
      const changed = Buffer.from(bytes);
      changed[at]! ^= by;
      try {
        assert.deepEqual(judged(changed), good);
      } catch (error) {
        if (!(error instanceof OcspError)) throw error;
      }
    }),
    { numRuns: 500 },
  );
  for (let length = 0; length < bytes.length; length++)
    assert.throws(() => judged(bytes.subarray(0, length)), OcspError);
});
