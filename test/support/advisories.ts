/** A registry's advisories on the shipped packages. */
import assert from 'node:assert/strict';
import { builtInDependencies, runtimeDependencies } from '../../tools/dependencies.ts';
import { cleanEnv, root } from './installed-package.ts';
import { runProcess } from './process.ts';

export interface Advice {
  /** Findings in shipped packages at or above moderate; null where the registry could not be asked. */
  readonly findings: readonly string[] | null;
  /** Why it could not be asked. */
  readonly reason: string;
}

interface Report {
  readonly vulnerabilities?: Readonly<
    Record<string, { readonly severity: string; readonly nodes: readonly string[] }>
  >;
  readonly statusCode?: number;
  readonly message?: string;
  readonly error?: { readonly code?: string | null; readonly summary?: string };
}

const grave = new Set(['moderate', 'high', 'critical']);
/** The registry answers but has no advisories, as mirrors do. Any other answer is a fault. */
const withoutAdvisories = new Set([403, 404, 405, 410, 501]);
const unreachable =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|EPROTO|network/i;

/**
 * Asks with `npm audit`, of everything: with --omit=dev Fastify would not be asked about, which is a development dependency
 * as well as a peer.
 *
 * @param options further ones of npm
 * @throws where npm says something that is neither a report nor a known reason for none
 */
export async function advice(options: readonly string[] = []): Promise<Advice> {
  const args = ['audit', '--json', '--fetch-retries=0', '--fetch-timeout=20000', ...options];
  const { stdout, stderr } = await runProcess('npm', args, { cwd: root, env: cleanEnv, timeout: 60_000 });
  let report: Report = {};
  try {
    report = JSON.parse(stdout) as Report;
  } catch {
    // Reported below.
  }
  if (report.vulnerabilities === undefined) {
    const { statusCode, message = '' } = report;
    const told = [report.error?.code, report.error?.summary, message, stderr].join(' ');
    if (statusCode !== undefined && withoutAdvisories.has(statusCode))
      return { findings: null, reason: `it answers ${statusCode}` };
    const [reason] = statusCode === undefined ? (unreachable.exec(told) ?? []) : [];
    assert.ok(
      reason !== undefined,
      `npm audit says neither what it found nor why not:\n${stdout}\n${stderr}`,
    );
    return { findings: null, reason: `it is not reached (${reason})` };
  }
  const shipped = new Set(
    [...runtimeDependencies(root), ...builtInDependencies(root)].map(({ path }) => path),
  );
  const findings = Object.entries(report.vulnerabilities)
    .filter(([, { severity, nodes }]) => grave.has(severity) && nodes.some((path) => shipped.has(path)))
    .map(([name, { severity }]) => `${name}: ${severity}`);
  return { findings, reason: '' };
}
