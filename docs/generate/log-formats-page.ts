/** The page about log formats, from the formats that `sekisho scan` reads. */
import { formats } from '../../src/scan/detect.ts';
import { wrappings } from '../../src/scan/wrapping.ts';
import { generatedNote } from './note.ts';
import { table } from './table.ts';

const intro = `# Log formats

\`sekisho scan\` reads these, and \`sekisho explain\` a line of each. The format is told from the first lines of a log; \`--format ID\` names it.
A log of another format is read with its \`LogFormat\` (Apache) or \`log_format\` (nginx) behind \`--format\`:
[read old logs](../how-to/read-old-logs.md).

A line may stand in another log than its own: lines that the format of a log does not fit are tried with all others.
`;

const wrapped = `## What may be wrapped around a line

It is taken off first, whatever is inside, and more than once where a collector has wrapped what a runtime wrapped. Beside these the
prefixes of syslog (RFC 3164, RFC 5424, journald) and the time of \`docker logs -t\` are passed over.
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
