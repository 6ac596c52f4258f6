/**
 * Reports for https://www.blocklist.de/en/httpreports.html, a line a source: what is posted there as a form, but for `server` and `apikey`,
 * which whoever posts adds.
 */
import { evidenceLine } from './evidence.ts';
import type { Source } from './sources.ts';

/** As blocklist.de has its lists: attacks on mail servers, and on web servers and what speaks HTTP. */
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
