/** Lines for the bulk report of AbuseIPDB (https://www.abuseipdb.com/bulk-report): `IP,Categories,ReportDate,Comment`. */
import { bruteForceFrom, deedOf, deedWords } from './evidence.ts';
import type { Source } from './sources.ts';

/** The categories of AbuseIPDB (https://www.abuseipdb.com/categories) that this is careful with. */
const category = { portScan: 14, bruteForce: 18, webAttack: 21 } as const;

/** AbuseIPDB takes 1024 characters. */
const longestComment = 1000;

/**
 * No more than was seen. Never 9, Open Proxy: it says that the source is one, and this one looked for one. Never 11, Email Spam: no mail
 * was taken, so there was none.
 */
function categoriesOf({ rules, rows, total }: Source): number[] {
  const found = new Set<number>();
  if (rules.includes('smtp-auth-failed') && total >= bruteForceFrom) found.add(category.bruteForce);
  if (rows.some(({ intent }) => intent === 'third-party-attack' || intent === 'metadata'))
    found.add(category.webAttack);
  // Scanning for open ports and vulnerable services: an open relay is one.
  if (found.size === 0 || deedOf(rules) === 'relay') found.add(category.portScan);
  return [...found].sort((a, b) => a - b);
}

/** The comment is public: nothing that a sender wrote stands in it, and no address of ours. */
function commentOf(source: Source): string {
  const { total, first, rules, rows } = source;
  const { clientPort, localPort } = rows[0]!;
  const ports = [
    ...(clientPort == null ? [] : [`source port ${clientPort}`]),
    ...(localPort == null ? [] : [`TCP port ${localPort}`]),
  ].join(', ');
  return `${deedWords[deedOf(rules)]}, refused: ${rules.join(', ')}; ${total} since ${iso(first)}${
    ports === '' ? '' : `; the latest: ${ports}`
  }`.slice(0, longestComment);
}

export const abuseIpdbCsv = (sources: readonly Source[]): string =>
  [
    'IP,Categories,ReportDate,Comment',
    ...sources.map(
      (source) =>
        `${source.address},"${categoriesOf(source).join(',')}",${iso(source.rows[0]!.first)},"${commentOf(source)}"`,
    ),
    '',
  ].join('\n');

/** With the offset that the examples of AbuseIPDB have. */
const iso = (time: number): string => new Date(time).toISOString().replace(/\.\d+Z$/, '+00:00');
