import { reach } from './gateway-api.ts';
import type { Command, ReportOptions } from './options.ts';

/** `sekisho report`: what a running gateway would tell others of a source, on stdout. Nothing is sent. */
export const run: Command<ReportOptions> = async ({ config, admin, ...asked }) => {
  const api = reach({
    ...(config === undefined ? {} : { config }),
    ...(admin === undefined ? {} : { admin }),
  });
  const query = new URLSearchParams({ ...asked });
  const report = await api.ask('GET', `/api/report?${query}`, undefined, (headers) => {
    const left = Number(headers['x-sekisho-left-out'] ?? 0);
    if (left > 0)
      process.stderr.write(
        `${left} rows of further sources had no room: ask for a shorter time with --from and --to\n`,
      );
  });
  process.stdout.write(report === '' || report.endsWith('\n') ? report : `${report}\n`);
  return 0;
};
