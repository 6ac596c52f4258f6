/**
 * Reports for https://www.blocklist.de/en/httpreports.html, one line per source: the form to post, without `server` and `apikey`,
 * which the reporter adds.
 */
import { evidenceLine } from './journal-evidence.ts';
import type { Source } from './sources.ts';

/** The lists of blocklist.de: attacks on mail servers, and attacks on web servers. */
const serviceOf = ({ rules }: Source): string =>
  rules.some((rule) => rule.startsWith('smtp-')) ? 'mail' : 'apache';

export const blocklistDe = (sources: readonly Source[]): string =>
  sources
    .map((source) => {
      const logs = source.rows.toReversed().map(evidenceLine).join('\n');
      const form = { ip: source.address, service: serviceOf(source), logs, format: 'text' };
      return `${new URLSearchParams(form)}\n`;
    })
    .join('');
