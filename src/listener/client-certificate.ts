/** The certificate of a client, where a listener asks for one (mTLS). */
import type { TLSSocket } from 'node:tls';

export interface ClientCertificates {
  /** PEM file of the authorities that sign them. */
  readonly ca: string;
  /** `require`: no connection without one; `request`: one without a certificate is served, one with a wrong one is not. */
  readonly verify: 'require' | 'request';
}

/** Of a distinguished name in text, in characters; a backend takes 8 KiB of a field. */
const longest = 4096;

/**
 * Whom the certificate names that a client has shown, as RFC 4514 writes it; null: it has shown none.
 *
 * @throws Error where the connection may not be served
 */
export function clientName(socket: TLSSocket, verify: ClientCertificates['verify']): string | null {
  const { subject } = socket.getPeerCertificate() ?? {};
  const shown = socket.getPeerX509Certificate() !== undefined;
  if (!shown && verify === 'request') return null;
  if (!shown || !socket.authorized) throw new Error('the certificate of a client is missing or wrong');
  const name = distinguishedName(subject as unknown as Record<string, string | readonly string[]>);
  if (name === '' || name.length > longest)
    throw new Error('the certificate of a client names nobody, or at too great length');
  return name;
}

/**
 * RFC 4514: the last part first. What is not visible ASCII is written as its octets: a name that an authority signed without
 * looking can't end the line, and can't pass for two names.
 *
 * @param subject the parts of the name, as node:tls hands them out
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
