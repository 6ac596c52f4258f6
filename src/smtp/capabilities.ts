/** What EHLO offers the client: extensions that the mail server offers and the guard can check. */
import type { Reply } from './reply.ts';

export interface Capabilities {
  /** Keyword in upper case → its parameters as written. */
  readonly offered: ReadonlyMap<string, string>;
}

/** Extensions the guard can check. Not CHUNKING: BDAT would bypass the scanner of DATA. Nor VRFY, ETRN and XCLIENT. */
const policed = ['PIPELINING', 'SIZE', '8BITMIME', 'DSN', 'ENHANCEDSTATUSCODES', 'SMTPUTF8'] as const;

/** Extensions that `smtp.withhold` can hide from strangers. Any other the server offers is hidden from everyone. */
export const withholdable = ['PIPELINING', '8BITMIME', 'DSN', 'ENHANCEDSTATUSCODES', 'SMTPUTF8'] as const;

/**
 * AUTH mechanisms that work through the guard. EXTERNAL would authenticate the guard instead of the client, GSSAPI and DIGEST-MD5 may
 * add a security layer to the session, and -PLUS binds to a TLS channel that ends here.
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
 * @param without keywords to ignore
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

/** The mail server's AUTH mechanisms that work through the guard. */
export const authMechanisms = ({ offered }: Capabilities): string[] =>
  (offered.get('AUTH') ?? '')
    .toUpperCase()
    .split(/\s+/)
    .filter((name) => mechanisms.has(name));

/**
 * The lines offered to the client.
 *
 * @param startTls offer STARTTLS: there is a certificate, and TLS is not on yet
 * @param auth offer AUTH: TLS is on
 * @param largest the guard's limit for a message, in octets; null: the mail server's
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

/** RFC 1870: no value, or 0, means no limit. */
function size(parameters: string, largest: number | null): string {
  const theirs = /^\d{1,15}$/.test(parameters) ? Number(parameters) : 0;
  if (largest === null) return theirs === 0 ? parameters.replace(/\D/g, '') : String(theirs);
  return String(theirs === 0 ? largest : Math.min(theirs, largest));
}
