import { reach } from './gateway-api.ts';
import type { Command, ReportOptions } from './options.ts';

/** `sekisho report`: prints the evidence that a running gateway has against a source. Nothing is sent. */
export const run: Command<ReportOptions> = async ({ config, admin, ...asked }) => {
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
  process.stdout.write(report === '' || report.endsWith('\n') ? report : `${report}\n`);
  return 0;
};
