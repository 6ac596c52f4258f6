/** Client certificates (mTLS). */
import type { TLSSocket } from 'node:tls';

export interface ClientCertificates {
  /** PEM file of the CAs that sign them. */
  readonly ca: string;
  /** `require`: every client needs a valid certificate; `request`: clients without one are served, those with an invalid one are not. */
  readonly verify: 'require' | 'request';
}

/** The longest distinguished name passed on, in characters; backends accept fields of 8 KiB. */
const longest = 4096;

/**
 * The subject of the client's certificate, as RFC 4514 writes it; null: the client sent none.
 *
 * @throws Error if the connection must not be served
 */
export function clientName(socket: TLSSocket, verify: ClientCertificates['verify']): string | null {
  const { subject } = socket.getPeerCertificate() ?? {};
  const shown = socket.getPeerX509Certificate() !== undefined;
  if (!shown && verify === 'request') return null;
  if (!shown || !socket.authorized) throw new Error('the certificate of a client is missing or invalid');
  const name = distinguishedName(subject as unknown as Record<string, string | readonly string[]>);
  if (name === '' || name.length > longest)
    throw new Error('the subject of a client certificate is empty or too long');
  return name;
}

/**
 * RFC 4514: last part first. Octets outside visible ASCII are escaped, so that a name signed by a careless CA can't contain a
 * line break or pass for two names.
 *
 * @param subject the parts of the name, as node:tls gives them
 */
export function distinguishedName(subject: Readonly<Record<string, string | readonly string[]>>): string {
  const parts = Object.entries(subject ?? {}).flatMap(([type, values]) =>
    [values].flat().map((value) => `${escaped(type)}=${escaped(value)}`),
  );
  return parts.reverse().join(',');
}

const escaped = (text: string): string =>
  text
    .replace(/[",+;<=>\\]/g, (char) => `\\${char}`)
    .replace(/^[# ]| $/g, (char) => `\\${char}`)
    .replace(/[^\x20-\x7e]+/g, (chars) => Buffer.from(chars).toString('hex').replace(/../g, '\\$&'));
