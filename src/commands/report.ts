import { parsePrefix } from '../address/ip.ts';
import { letterFormats, type ReportFormat } from '../reports/formats.ts';
import { reach } from './gateway-api.ts';
import { inputError } from './input-error.ts';
import type { Command, ReportOptions } from './options.ts';

/** `sekisho report`: prints the evidence that a running gateway has against a source. Nothing is sent. */
export const run: Command<ReportOptions> = async ({ config, admin, ...asked }) => {
  const { client, format = 'text' } = asked;
  if (client === undefined && (letterFormats as readonly string[]).includes(format)) {
    inputError('report', `--format ${format} is about one source`, 'name it: --client 192.0.2.7');
    return 1;
  }
  if (client !== undefined && parsePrefix(client) === null) {
    inputError(
      'report',
      `${JSON.stringify(client)} is not an address or prefix`,
      'write one, such as 192.0.2.7 or 2001:db8::/64',
    );
    return 1;
  }
  const api = reach({
    ...(config === undefined ? {} : { config }),
    ...(admin === undefined ? {} : { admin }),
  });
  const query = new URLSearchParams({ ...asked });
  const report = await api.ask('GET', `/api/report?${query}`, undefined, (headers) => {
    const omitted = Number(headers['x-sekisho-left-out'] ?? 0);
    if (omitted > 0)
      process.stderr.write(
        `${omitted} rows of further sources were omitted: ask for a shorter period with --from and --to\n`,
      );
  });
  if (holdsNothing[format as ReportFormat]?.(report) === true)
    process.stderr.write('No source: nobody with a public address sent evidence of abuse in that time.\n');
  process.stdout.write(report === '' || report.endsWith('\n') ? report : `${report}\n`);
  return 0;
};

/** Whether a list names no source. */
const holdsNothing: Partial<Record<ReportFormat, (report: string) => boolean>> = {
  abuseipdb: (report) => report.trimEnd().split('\n').length < 2,
  'blocklist-de': (report) => report.trim() === '',
  stix: (report) => !report.includes('"type":"indicator"'),
  misp: (report) => report.includes('"attribute_count":"0"'),
};
