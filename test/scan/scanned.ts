/** Scans files or text and collects the findings. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { QuotedFinding } from '../../src/scan/finding.ts';
import { type ScanOptions, type ScanResult, scanLogs } from '../../src/scan/scan-logs.ts';

export interface Scanned extends ScanResult {
  readonly findings: readonly QuotedFinding[];
}

export async function scanned(logs: readonly string[], options: Partial<ScanOptions> = {}): Promise<Scanned> {
  const findings: QuotedFinding[] = [];
  const result = await scanLogs({
    logs,
    hosts: [],
    ports: null,
    format: null,
    all: false,
    rehearse: null,
    threads: 1,
    now: Date.UTC(2026, 10, 25),
    onFinding: (finding) => findings.push(finding),
    ...options,
  });
  return { ...result, findings };
}

/** Scans a log with this content, given as latin1. */
export async function scannedText(text: string, options: Partial<ScanOptions> = {}): Promise<Scanned> {
  const dir = await mkdtemp(join(tmpdir(), 'sekisho-scan-'));
  try {
    const file = join(dir, 'access.log');
    await writeFile(file, text, 'latin1');
    return await scanned([file], options);
  } finally {
    await rm(dir, { recursive: true });
  }
}

/** Counts findings by a key. */
export function counts(
  findings: readonly QuotedFinding[],
  key: (f: QuotedFinding) => string,
): Record<string, number> {
  const result: Record<string, number> = {};
  for (const finding of findings) result[key(finding)] = (result[key(finding)] ?? 0) + 1;
  return result;
}
