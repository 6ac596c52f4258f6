/** Audits one port from within this process, for servers that run in it too. */
import { audit } from '../../src/audit/audit.ts';
import type { Bounds } from '../../src/audit/audit-context.ts';
import type { FetchTechnique } from '../../src/audit/fetch-techniques.ts';
import type { Finding } from '../../src/audit/finding.ts';
import { openCanary } from '../../src/audit/open-canary.ts';
import type { Owner } from './owner.ts';

export interface AuditedPort {
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
  readonly relays: readonly string[];
}

/** @param name a host that the server owns */
export async function auditPort(
  owner: Owner,
  port: number,
  bounds: Partial<Bounds> = {},
  name = '127.0.0.1',
  paths: readonly FetchTechnique[] = [],
): Promise<AuditedPort> {
  const canary = await openCanary({}, { address: '127.0.0.1', localAddress: '127.0.0.1' }, [port]);
  owner.after(() => canary.close());
  const findings: Finding[] = [];
  const notes: string[] = [];
  const found = audit({
    address: '127.0.0.1',
    ports: [port],
    name,
    canary,
    paths,
    bounds: { patience: 1_000, pace: 0, connections: 600, signal: AbortSignal.timeout(60_000), ...bounds },
    onNote: (_port, { text }) => notes.push(text),
  });
  for await (const finding of found) findings.push(finding);
  const relays = findings.filter(({ result }) => result === 'relays').map(({ technique }) => technique);
  return { findings, notes, relays };
}
