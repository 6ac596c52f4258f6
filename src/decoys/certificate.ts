/** A self-signed certificate (RFC 5280 section 4.1), made at each start, like that of an unconfigured TLS server. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import {
  bits,
  certificatePem,
  commonName,
  ecdsaWithSha256,
  integer,
  sequence,
  validity,
} from '../wire/der.ts';

const day = 86_400_000;
const iso = (time: number): string => new Date(time).toISOString();

/** Makes one for the name `localhost`. @param now milliseconds since the epoch */
export function selfSigned(now: number): { readonly cert: string; readonly key: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const name = commonName('localhost');
  const content = sequence(
    integer([1, ...randomBytes(15)]),
    ecdsaWithSha256,
    name,
    validity(iso(now - day), iso(now + 3650 * day)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
  );
  return {
    cert: certificatePem(sequence(content, ecdsaWithSha256, bits(sign('sha256', content, privateKey)))),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}
