/** The second of three steps, text → document → config: a written value, from a file or a plugin's options, is checked against the schema and its defaults are filled in. */
import { crossFindings } from './cross-checks.ts';
import { type PathPart, pathText } from './fault.ts';
import { fileFindings } from './file-checks.ts';
import { plainCopy } from './plain-data.ts';
import type { ConfigDocument } from './schema.ts';
import { type Finding, schemaFindings } from './schema-faults.ts';
import { withoutSites } from './without-sites.ts';

export interface CheckedDocument {
  /** A copy with every default; null if there are findings. */
  readonly document: ConfigDocument | null;
  readonly findings: readonly Finding[];
}

/**
 * Checks a value of any shape. The value itself is not changed.
 *
 * @param file turns a file name of the config into an absolute one
 * @param further checks of the sections that only the program has
 */
export function checkDocument(
  written: unknown,
  file: (name: string) => string,
  further: (document: unknown) => readonly Finding[] = () => [],
): CheckedDocument {
  const document = plainCopy(written);
  const findings = withoutRepeats([
    ...schemaFindings(document),
    ...withoutSites(document, written),
    ...crossFindings(document),
    ...further(document),
    ...fileFindings(document, file),
  ]);
  return { document: findings.length === 0 ? (document as ConfigDocument) : null, findings };
}

/** The first finding of each place: what the schema refuses mostly fails the later checks too. */
function withoutRepeats(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter(({ path }) => {
    const place = pathText(path);
    return !seen.has(place) && seen.add(place);
  });
}

/** The value at a path; undefined if there is none. */
export function valueAt(document: unknown, path: readonly PathPart[]): unknown {
  let value = document;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<PathPart, unknown>)[part];
  }
  return value;
}
