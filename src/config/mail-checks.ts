/** Checks across the settings of the mail guard, and of its domain file. Separate from the other checks, since the plugins have no mail guard. */
import { existsSync } from 'node:fs';
import { loadDomains } from '../smtp/domain-file.ts';
import { smtpFaults } from '../smtp/faults.ts';
import type { SmtpDocument } from '../smtp/schema.ts';
import type { Finding } from './schema-faults.ts';

/** @param file turns a file name of the config into an absolute one */
export function mailFindings(document: unknown, file: (name: string) => string): Finding[] {
  const { smtp } = (document ?? {}) as { smtp?: unknown };
  if (typeof smtp !== 'object' || smtp === null) return [];
  const faults = smtpFaults(smtp as SmtpDocument).map(({ key, fault, fix }) => ({
    path: ['smtp', ...key],
    message: fault,
    fix,
  }));
  const listed = ((smtp as { domains?: unknown }).domains as { file?: unknown } | undefined)?.file;
  // `file-checks.ts` reports a missing file.
  if (typeof listed === 'string' && existsSync(file(listed))) faults.push(...domainFaults(file(listed)));
  return faults;
}

function domainFaults(file: string): { path: string[]; message: string; fix: string }[] {
  try {
    loadDomains(file);
    return [];
  } catch (error) {
    const [, line, fix] = /(line \d+: .* is no domain); (.*)$/.exec((error as Error).message) ?? [];
    const message = line ?? "can't be read";
    return [
      { path: ['smtp', 'domains', 'file'], message, fix: fix ?? 'name a file with one domain per line' },
    ];
  }
}
