/** Faults between two parts of the mail guard's settings. Apart from the other checks, since the plugins have no mail guard. */
import { type SmtpDocument, smtpFaults } from '../smtp/options.ts';
import type { Finding } from './schema-faults.ts';

export function mailFindings(document: unknown): Finding[] {
  const { smtp } = (document ?? {}) as { smtp?: unknown };
  if (typeof smtp !== 'object' || smtp === null) return [];
  return smtpFaults(smtp as SmtpDocument).map(({ key, fault, mend }) => ({
    path: ['smtp', ...key],
    message: fault,
    mend,
  }));
}
