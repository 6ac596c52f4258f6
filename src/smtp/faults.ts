/** Checks of the `smtp` section that the schema can't express: faults, and warnings about a valid section. */
import { parsePrefix } from '../address/ip.ts';
import type { SmtpOptions } from './options.ts';
import type { SmtpDocument } from './schema.ts';

export interface SmtpFault {
  /** The path below `smtp`. */
  readonly key: readonly (string | number)[];
  readonly fault: string;
  readonly fix: string;
}

/** Faults across several keys, each with its key and the fix. */
export function smtpFaults(document: SmtpDocument): SmtpFault[] {
  const faults: SmtpFault[] = [];
  const listen: unknown[] = Array.isArray(document.listen) ? document.listen : [document.listen];
  const listeners = listen.map((item) =>
    typeof item === 'object' && item !== null ? (item as Partial<Listener>) : {},
  );
  if (document.backend !== undefined && document.backends !== undefined)
    faults.push({ key: ['backend'], fault: 'both backend and backends', fix: oneOrSeveral });
  if (document.backend === undefined && document.backends === undefined && !listeners.every(hasBackend))
    faults.push({ key: ['backend'], fault: 'no mail server to pass mail on to', fix: oneOrSeveral });
  for (const [index, listener] of listeners.entries()) {
    const key = Array.isArray(document.listen) ? ['listen', index] : ['listen'];
    if (listener.backend !== undefined && listener.backends !== undefined)
      faults.push({ key: [...key, 'backend'], fault: 'both backend and backends', fix: oneOrSeveral });
    if (document.tls !== undefined) continue;
    // AUTH without TLS would reveal passwords, so it is never offered.
    if (listener.auth === 'required')
      faults.push({
        key: [...key, 'auth'],
        fault: 'AUTH is offered only under TLS, and there is no certificate',
        fix: addTls,
      });
    if (listener.tls === 'implicit')
      faults.push({ key: [...key, 'tls'], fault: 'TLS without a certificate', fix: addTls });
  }
  if (document.xclient && document.proxyProtocol)
    faults.push({
      key: ['proxyProtocol'],
      fault: 'xclient and proxyProtocol together',
      fix: 'choose the one that the mail server is configured for',
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
 * Prefixes no single network has: IPv4 shorter than /8, IPv6 shorter than /7 (fc00::/7 is the widest private one). `0.0.0.0/1` and
 * `128.0.0.0/1` together are an open relay, as `0.0.0.0/0` is.
 */
function tooWide(text: string): boolean {
  const prefix = parsePrefix(text);
  return prefix !== null && prefix.length < (prefix.family === 4 ? 8 : 7);
}

type Listener = Exclude<Extract<SmtpDocument['listen'], readonly unknown[]>[number], string>;
const hasBackend = ({ backend, backends }: Partial<Listener>): boolean =>
  backend !== undefined || backends !== undefined;
const oneOrSeveral = 'write backend: HOST:PORT, or backends with a list of them';
const addTls = 'add smtp.tls: { cert: FILE, key: FILE }';

/** Warnings about a valid section, for `sekisho check`. */
export function smtpWarnings(options: SmtpOptions): string[] {
  const warnings: string[] = [];
  if (!options.xclient && !options.proxyProtocol)
    warnings.push(
      'smtp: without xclient or proxyProtocol the mail server takes every client for this machine: its SPF, blocklist and ' +
        'rate checks see one address, and its permit_mynetworks would trust everybody',
    );
  if (options.tls === null)
    warnings.push('smtp: without tls neither STARTTLS nor AUTH is offered, and mail arrives unencrypted');
  for (const backend of new Set(options.listen.flatMap(({ backends }) => backends)))
    if (options.backendTls === null && /:465$/.test(backend))
      warnings.push(
        `smtp: ${backend} speaks TLS from the first byte, so no greeting will come: write backendTls: { mode: implicit }`,
      );
  for (const { address, proxyProtocol } of options.listen)
    if (proxyProtocol && options.trustedProxies.length === 0)
      warnings.push(
        `smtp: ${address} has proxyProtocol, but trustedProxies is empty: list the balancers there; until then each balancer counts as one client`,
      );
  return warnings;
}
