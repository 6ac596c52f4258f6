/** The domains that are ours, compiled. */
import type { MailPolicy } from '../rules/smtp.ts';
import { canonicalMailDomain } from '../wire/mail-domain.ts';

/**
 * Compiles `domains`.
 *
 * @param domains names, `*.name` for every name below it, address literals; in their own letters or as A-labels
 * @param plainLocals as `MailPolicy` has it
 * @throws where one is no domain
 */
export function mailPolicy(domains: readonly string[], plainLocals = false): MailPolicy {
  const exact = new Set<string>();
  const below: string[] = [];
  for (const domain of domains) {
    const wild = domain.startsWith('*.');
    const canonical = canonicalMailDomain(
      Buffer.from(wild ? domain.slice(2) : domain, 'utf8').toString('latin1'),
    );
    if (canonical === null)
      throw new Error(
        `smtp: ${domain} is no domain; write a name such as example.net, *.example.net or [192.0.2.1]`,
      );
    if (wild) below.push(`.${canonical}`);
    else exact.add(canonical);
  }
  return {
    plainLocals,
    owns: (domain) => exact.has(domain) || below.some((suffix) => domain.endsWith(suffix)),
  };
}

/** The same policy with the address literal of the very connection: `user@[192.0.2.1]` sent to 192.0.2.1. */
export const withLiteral = (policy: MailPolicy, literal: string): MailPolicy => ({
  ...policy,
  owns: (domain) => domain === literal || policy.owns(domain),
});
