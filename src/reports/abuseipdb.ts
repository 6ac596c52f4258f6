/** Lines for the bulk report of AbuseIPDB (https://www.abuseipdb.com/bulk-report): `IP,Categories,ReportDate,Comment`. */
import { activityOf, activityWords, bruteForceFrom } from './journal-evidence.ts';
import type { Source } from './sources.ts';

/** Categories of AbuseIPDB (https://www.abuseipdb.com/categories). */
const category = { portScan: 14, bruteForce: 18, webAttack: 21 } as const;

/** AbuseIPDB takes 1024 characters. */
const longestComment = 1000;

/**
 * Claims no more than was seen. Never 9, Open Proxy: that says the source is one, but it only looked for one. Never 11, Email Spam:
 * no mail was accepted.
 */
function categoriesOf({ rules, rows, total }: Source): number[] {
  const found = new Set<number>();
  if (rules.includes('smtp-auth-failed') && total >= bruteForceFrom) found.add(category.bruteForce);
  if (rows.some(({ intent }) => intent === 'third-party-attack' || intent === 'metadata'))
    found.add(category.webAttack);
  // Category 14 covers scanning for vulnerable services, such as an open relay.
  if (found.size === 0 || activityOf(rules) === 'relay') found.add(category.portScan);
  return [...found].sort((a, b) => a - b);
}

/** The comment is public, so it contains no text from the sender and no address of ours. */
function commentOf(source: Source): string {
  const { total, first, rules, rows } = source;
  const { clientPort, localPort } = rows[0]!;
  const ports = [
    ...(clientPort == null ? [] : [`source port ${clientPort}`]),
    ...(localPort == null ? [] : [`TCP port ${localPort}`]),
  ].join(', ');
  return `${activityWords[activityOf(rules)]}, refused: ${rules.join(', ')}; ${total} since ${iso(first)}${
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

/** ISO 8601 with an offset, as in AbuseIPDB's examples. */
const iso = (time: number): string => new Date(time).toISOString().replace(/\.\d+Z$/, '+00:00');
