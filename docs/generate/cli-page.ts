/** The command-line page, from the program itself. */
import type { EventEmitter } from 'node:events';
import type { Command as Program } from 'commander';
import { buildProgram } from '../../src/cli.ts';
import { generatedNote } from './note.ts';
import { table } from './table.ts';

const intro = `# Command line

In a checkout every command runs as \`npm run -s sekisho -- …\`, once installed as \`sekisho …\`. Output for programs goes to
stdout, with \`--json\` one object on each line; messages for people go to stderr.

| Exit code | |
|---|---|
| 0 | fine |
| 1 | something was found, or the input is not valid |
| 2 | the command line is wrong |
| 3 | \`audit\`, \`scan\` and \`health\`: inconclusive |

For \`scan\` see [read old logs](../how-to/read-old-logs.md).

\`start\` runs until SIGTERM or SIGINT, then answers the requests under way and exits; SIGHUP reloads the config.
Put the admin token for \`sekisho bans\` into \`SEKISHO_TOKEN\`. \`NO_COLOR\` turns colours off.

## Completion and manual page

The Debian package installs both, \`npm install -g\` the manual page (\`man sekisho\`). Elsewhere the program writes its completion scripts:

\`\`\`sh
sekisho completion bash > /etc/bash_completion.d/sekisho
sekisho completion zsh > /usr/local/share/zsh/site-functions/_sekisho
sekisho completion fish > ~/.config/fish/completions/sekisho.fish
\`\`\`
`;

export function cliPage(): string {
  const program = buildProgram(() => {});
  return [
    generatedNote('src/cli.ts'),
    intro,
    ...program.commands.flatMap((one) => section(one, 'sekisho', 2)),
  ].join('\n');
}

function section(command: Program, parent: string, level: number): string[] {
  const help = command.createHelp();
  const name = `${parent} ${command.name()}`;
  const inner = command.commands.map((one) => section(one, name, level + 1));
  const usage =
    inner.length > 0 ? [] : ['```text', `${parent} ${command.name()} ${command.usage()}`, '```', ''];
  const rows = [
    ...help.visibleArguments(command).map((one) => [help.argumentTerm(one), help.argumentDescription(one)]),
    ...help
      .visibleOptions(command)
      .filter(({ long }) => long !== '--help')
      .map((one) => [
        help.optionTerm(one),
        `${help.optionDescription(one)}${one.mandatory ? '; required' : ''}`,
      ]),
  ];
  return [
    [
      `${'#'.repeat(level)} \`${name}\``,
      '',
      `${sentence(command.description())}`,
      '',
      ...usage,
      ...(rows.length === 0
        ? []
        : [
            ...table(
              ['', ''],
              rows.map(([term, words]) => [`\`${term}\``, words!]),
            ),
            '',
          ]),
      ...behindHelp(command),
    ].join('\n'),
    ...inner.flat(),
  ];
}

/** What `--help` prints after the options, such as exit codes. */
function behindHelp(command: Program): string[] {
  const texts: string[] = [];
  (command as unknown as EventEmitter).emit('afterHelp', {
    error: false,
    command,
    write: (text: string) => texts.push(text.trim()),
  });
  return texts.flatMap((text) => [text, '']);
}

const sentence = (words: string): string => `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
