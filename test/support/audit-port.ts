/** The audit of one port in this process, for servers that live in it too. */
import { audit } from '../../src/audit/audit.ts';
import { Canary } from '../../src/audit/canary.ts';
import type { Finding } from '../../src/audit/finding.ts';
import type { Bounds } from '../../src/audit/ground.ts';
import type { Owner } from './owner.ts';

export interface AuditedPort {
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
  readonly relays: readonly string[];
}

/** @param name the host that the server takes for its own */
export async function auditPort(
  owner: Owner,
  port: number,
  bounds: Partial<Bounds> = {},
  name = '127.0.0.1',
): Promise<AuditedPort> {
  const canary = await Canary.open({ listen: '127.0.0.1' });
  owner.after(() => canary.close());
  const findings: Finding[] = [];
  const notes: string[] = [];
  const found = audit({
    address: '127.0.0.1',
    ports: [port],
    name,
    canary,
    bounds: { patience: 1_000, pace: 0, connections: 200, signal: AbortSignal.timeout(60_000), ...bounds },
    onNote: (_port, { text }) => notes.push(text),
  });
  for await (const finding of found) findings.push(finding);
  const relays = findings.filter(({ result }) => result === 'relays').map(({ technique }) => technique);
  return { findings, notes, relays };
}
