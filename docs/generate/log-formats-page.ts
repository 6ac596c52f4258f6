/** The log formats page, from the formats that `sekisho scan` reads. */
import { formats } from '../../src/scan/detect.ts';
import { wrappings } from '../../src/scan/wrapping.ts';
import { generatedNote } from './note.ts';
import { table } from './table.ts';

const intro = `# Log formats

\`sekisho scan\` reads these formats, and \`sekisho explain\` reads a single line of each. \`scan\` detects the format from the first lines of a log; \`--format ID\` sets it.
For another format give its \`LogFormat\` (Apache) or \`log_format\` (nginx) with \`--format\`:
[read old logs](../how-to/read-old-logs.md).

Logs can be mixed: a line that does not fit the format of its log is tried with all others.
`;

const wrapped = `## Wrappers around a line

\`scan\` removes these first, several times if a collector wrapped what a runtime had wrapped. It also skips
syslog prefixes (RFC 3164, RFC 5424, journald) and the timestamps of \`docker logs -t\`.
`;

export function logFormatsPage(): string {
  return [
    generatedNote('src/scan/detect.ts'),
    intro,
    ...formats.flatMap(({ id, title, example, silent }) => [
      `## ${title}`,
      '',
      `\`--format ${id}\`${silent === undefined ? '' : `; it ${silent}`}`,
      '',
      '```text',
      example,
      '```',
      '',
    ]),
    wrapped,
    ...table(
      ['', ''],
      wrappings.map(({ title, example }) => [title, `\`${example}\``]),
    ),
    '',
  ].join('\n');
}
