/** The audit by its command line. */
import { resolve } from 'node:path';
import type { Finding } from '../../src/audit/finding.ts';
import { runProcess } from './process.ts';

const cli = resolve(import.meta.dirname, '../../src/cli.ts');

export interface Audited {
  readonly code: number | null;
  readonly findings: readonly Finding[];
  /** Techniques that relay. */
  readonly relays: readonly string[];
  /** Their rules. */
  readonly rules: readonly string[];
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `sekisho audit … --json`. */
export async function audited(...args: string[]): Promise<Audited> {
  const { code, stdout, stderr } = await runProcess(process.execPath, [cli, 'audit', ...args, '--json'], {
    timeout: 90_000,
  });
  const findings = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line): Finding => JSON.parse(line));
  const relaying = findings.filter(({ result }) => result === 'relays');
  return {
    code,
    findings,
    relays: relaying.map(({ technique }) => technique),
    rules: [...new Set(relaying.map(({ rule }) => rule))],
    stdout,
    stderr,
  };
}
