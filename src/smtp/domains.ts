/** Our domains, compiled. */
import type { MailPolicy } from '../rules/smtp.ts';
import { addressLiteral, canonicalMailDomain } from '../wire/mail-domain.ts';

/** A set of domains. A look-up takes one step a label, however large the set. */
export class DomainTable {
  readonly #exact = new Set<string>();
  readonly #below = new Set<string>();

  /** @throws if one is not a domain */
  constructor(domains: Iterable<string> = []) {
    for (const domain of domains) this.add(domain);
  }

  /** @throws if it is not a domain */
  add(domain: string): void {
    const wild = domain.startsWith('*.');
    const name = Buffer.from(wild ? domain.slice(2) : domain, 'utf8').toString('latin1');
    const canonical = canonicalMailDomain(name);
    if (canonical === null || (wild && canonical.startsWith('[')))
      throw new Error(
        `smtp: ${domain} is no domain; write a name such as example.net, *.example.net or [192.0.2.1]`,
      );
    if (wild) this.#below.add(canonical);
    else this.#exact.add(canonical);
  }

  /** @param domain canonical, as `canonicalMailDomain` writes it */
  has(domain: string): boolean {
    if (this.#exact.has(domain)) return true;
    if (this.#below.size === 0) return false;
    for (let dot = domain.indexOf('.'); dot !== -1; dot = domain.indexOf('.', dot + 1))
      if (this.#below.has(domain.slice(dot + 1))) return true;
    return false;
  }
}

/**
 * Compiles `domains`.
 *
 * @param domains names, `*.name` for every name below it, address literals; U-labels or A-labels
 * @param plainLocals as in `MailPolicy`
 * @throws if one is not a domain
 */
export function mailPolicy(domains: readonly string[], plainLocals = false): MailPolicy {
  const table = new DomainTable(domains);
  return { plainLocals, owns: (domain) => table.has(domain) };
}

/** The same policy, which also owns the literal of the address the client connected to: `user@[192.0.2.1]` sent to 192.0.2.1. */
export const withLiteral = (policy: MailPolicy, address: string): MailPolicy => ({
  ...policy,
  owns: (domain) => (domain.startsWith('[') && domain === addressLiteral(address)) || policy.owns(domain),
});
