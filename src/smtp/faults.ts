/** What the schema can't tell of the `smtp` section: faults, and what an operator should know of one that is valid. */
import { parsePrefix } from '../address/ip.ts';
import type { SmtpOptions } from './options.ts';
import type { SmtpDocument } from './schema.ts';

export interface SmtpFault {
  /** The path below `smtp`. */
  readonly key: readonly (string | number)[];
  readonly fault: string;
  readonly fix: string;
}

/**
 * Faults that the schema can't tell, each with the key it is about and the fix: for the config's cross-checks.
 */
export function smtpFaults(document: SmtpDocument): SmtpFault[] {
  const faults: SmtpFault[] = [];
  const listen: unknown[] = Array.isArray(document.listen) ? document.listen : [document.listen];
  const doors = listen.map((item) =>
    typeof item === 'object' && item !== null ? (item as Partial<Door>) : {},
  );
  if (document.backend !== undefined && document.backends !== undefined)
    faults.push({ key: ['backend'], fault: 'both backend and backends', fix: oneOrSeveral });
  if (document.backend === undefined && document.backends === undefined && !doors.every(hasBackend))
    faults.push({ key: ['backend'], fault: 'no mail server to pass mail on to', fix: oneOrSeveral });
  for (const [index, door] of doors.entries()) {
    const key = Array.isArray(document.listen) ? ['listen', index] : ['listen'];
    if (door.backend !== undefined && door.backends !== undefined)
      faults.push({ key: [...key, 'backend'], fault: 'both backend and backends', fix: oneOrSeveral });
    if (document.tls !== undefined) continue;
    // AUTH in the clear would give passwords away, so it is never offered without TLS.
    if (door.auth === 'required')
      faults.push({
        key: [...key, 'auth'],
        fault: 'AUTH is offered under TLS alone, and there is no certificate',
        fix: addTls,
      });
    if (door.tls === 'implicit')
      faults.push({ key: [...key, 'tls'], fault: 'TLS without a certificate', fix: addTls });
  }
  if (document.xclient && document.proxyProtocol)
    faults.push({
      key: ['proxyProtocol'],
      fault: 'xclient and proxyProtocol together',
      fix: 'choose the one that the mail server is set up for',
    });
  for (const [index, text] of (Array.isArray(document.relayFrom) ? document.relayFrom : []).entries())
    if (typeof text === 'string' && tooWide(text))
      faults.push({
        key: ['relayFrom', index],
        fault: 'lets strangers relay: the guard would be an open relay',
        fix: 'list your own networks, such as 192.0.2.0/24',
      });
  return faults;
}

/**
 * Networks that nobody has: an IPv4 prefix shorter than /8, an IPv6 one shorter than /7, which is that of fc00::/7. Two
 * halves of the internet are an open relay as the whole is.
 */
function tooWide(text: string): boolean {
  const prefix = parsePrefix(text);
  return prefix !== null && prefix.length < (prefix.family === 4 ? 8 : 7);
}

type Door = Exclude<Extract<SmtpDocument['listen'], readonly unknown[]>[number], string>;
const hasBackend = ({ backend, backends }: Partial<Door>): boolean =>
  backend !== undefined || backends !== undefined;
const oneOrSeveral = 'write backend: HOST:PORT, or backends with a list of them';
const addTls = 'add smtp.tls: { cert: FILE, key: FILE }';

/** What an operator should know of a section that is valid: for `sekisho check`. */
export function smtpWarnings(options: SmtpOptions): string[] {
  const warnings: string[] = [];
  if (!options.xclient && !options.proxyProtocol)
    warnings.push(
      'smtp: without xclient or proxyProtocol the mail server takes every client for this machine: its SPF, blocklist and ' +
        'rate checks see one address, and a permit_mynetworks of its own would trust everybody',
    );
  if (options.tls === null)
    warnings.push('smtp: without tls neither STARTTLS nor AUTH is offered, and mail comes in in the clear');
  for (const backend of new Set(options.listen.flatMap(({ backends }) => backends)))
    if (options.backendTls === null && /:465$/.test(backend))
      warnings.push(
        `smtp: ${backend} is a port that speaks TLS from the first byte, so no greeting will come: write backendTls: { mode: implicit }`,
      );
  for (const { address, proxyProtocol } of options.listen)
    if (proxyProtocol && options.trustedProxies.length === 0)
      warnings.push(
        `smtp: ${address} has proxyProtocol and nobody to believe: list the balancers under trustedProxies; until then each of them is one client`,
      );
  return warnings;
}
