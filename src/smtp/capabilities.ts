/** What is offered after EHLO: what the mail server offers and what the guard can police, and nothing beside. */
import type { Reply } from './reply.ts';

export interface Capabilities {
  /** Keyword, upper case → its parameters as written. */
  readonly offered: ReadonlyMap<string, string>;
}

/** CHUNKING is not among them: BDAT would walk around the scanner of DATA. Nor are VRFY, ETRN and XCLIENT. */
const policed = ['PIPELINING', 'SIZE', '8BITMIME', 'DSN', 'ENHANCEDSTATUSCODES', 'SMTPUTF8'] as const;

/** Those that need not be offered to everybody. Whatever the server names beside the policed is offered to nobody. */
export const withholdable = ['PIPELINING', '8BITMIME', 'DSN', 'ENHANCEDSTATUSCODES', 'SMTPUTF8'] as const;

/**
 * Mechanisms that pass through: they carry their own proof. EXTERNAL would prove the guard's identity instead of the
 * client's, GSSAPI and DIGEST-MD5 may put a layer over the session, and -PLUS binds to a TLS channel that ends here.
 */
const mechanisms = new Set([
  'PLAIN',
  'LOGIN',
  'CRAM-MD5',
  'SCRAM-SHA-1',
  'SCRAM-SHA-256',
  'SCRAM-SHA-512',
  'XOAUTH2',
  'OAUTHBEARER',
]);

export const noCapabilities: Capabilities = { offered: new Map() };

/**
 * Reads the mail server's reply to EHLO.
 *
 * @param without keywords to be read over
 */
export function capabilitiesOf(ehlo: Reply, without: readonly string[] = []): Capabilities {
  const offered = new Map<string, string>();
  for (const line of ehlo.lines.slice(1)) {
    const match = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:[ =](.*))?$/.exec(line);
    if (match === null) continue;
    const keyword = match[1]!.toUpperCase();
    if (!offered.has(keyword) && !without.includes(keyword)) offered.set(keyword, match[2]?.trim() ?? '');
  }
  return { offered };
}

/** The AUTH mechanisms that may be used: those of the mail server that can pass through. */
export const authMechanisms = ({ offered }: Capabilities): string[] =>
  (offered.get('AUTH') ?? '')
    .toUpperCase()
    .split(/\s+/)
    .filter((name) => mechanisms.has(name));

/**
 * The lines offered to the client.
 *
 * @param startTls offer STARTTLS: a certificate is there and TLS is not on yet
 * @param auth offer AUTH: TLS is on
 * @param largest octets of a message that the guard takes; null: as many as the mail server
 */
export function offer(
  upstream: Capabilities,
  { startTls, auth, largest }: { startTls: boolean; auth: boolean; largest: number | null },
): string[] {
  const lines: string[] = [];
  for (const keyword of policed) {
    const parameters = upstream.offered.get(keyword);
    if (parameters === undefined) continue;
    if (keyword === 'SIZE') lines.push(`SIZE ${size(parameters, largest)}`.trimEnd());
    else lines.push(keyword);
  }
  if (startTls) lines.push('STARTTLS');
  const names = auth ? authMechanisms(upstream) : [];
  if (names.length > 0) lines.push(`AUTH ${names.join(' ')}`);
  return lines;
}

/** RFC 1870: none or 0 means no limit. */
function size(parameters: string, largest: number | null): string {
  const theirs = /^\d{1,15}$/.test(parameters) ? Number(parameters) : 0;
  if (largest === null) return theirs === 0 ? parameters.replace(/\D/g, '') : String(theirs);
  return String(theirs === 0 ? largest : Math.min(theirs, largest));
}
