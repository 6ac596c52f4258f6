/** Every fault of a document, whether it is a file or the options of a plugin. */
import { crossFindings } from './cross-checks.ts';
import { type PathPart, pathText } from './fault.ts';
import { fileFindings } from './file-checks.ts';
import { type Finding, schemaFindings } from './schema-faults.ts';
import { withoutSites } from './without-sites.ts';

/**
 * Validates a document and fills in its defaults in place.
 *
 * @param written as it was before, to tell what a fault is about
 * @param file turns a file name of the config into an absolute one
 * @param further checks of what only the program has
 */
export function findingsOf(
  document: unknown,
  written: unknown,
  file: (name: string) => string,
  further: (document: unknown) => readonly Finding[] = () => [],
): Finding[] {
  return withoutRepeats([
    ...schemaFindings(document),
    ...withoutSites(document, written),
    ...crossFindings(document),
    ...further(document),
    ...fileFindings(document, file),
  ]);
}

/** A place that the schema refuses is not refused again for what that makes of it elsewhere. */
function withoutRepeats(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter(({ path }) => {
    const place = pathText(path);
    return !seen.has(place) && seen.add(place);
  });
}

/** What stands at a place; undefined where nothing does. */
export function valueAt(document: unknown, path: readonly PathPart[]): unknown {
  let value = document;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<PathPart, unknown>)[part];
  }
  return value;
}
