/** The manual page sekisho(1), in the language of man(7), from the command line itself: so that it can't fall behind. */
import { buildProgram } from '../src/cli.ts';
import { type CommandWords, commandWords, walk } from '../src/completion/words.ts';
import { packageJson } from '../src/package-json.ts';

/** @param date `2026-11-29` */
export function manPage(date: string): string {
  const program = commandWords(buildProgram(() => {}));
  const commands = [...walk(program)].filter(({ command }) => command.commands.length === 0);
  return [
    `.TH SEKISHO 1 "${date}" "sekisho ${packageJson.version}" "User Commands"`,
    '.SH NAME',
    `sekisho ${'\\-'} ${text(packageJson.description.replace(/^An? /, '').replace(/^\w/, (c) => c.toLowerCase()))}`,
    '.SH SYNOPSIS',
    ...commands.flatMap(({ path, command }, index) => [
      ...(index === 0 ? [] : ['.br']),
      usage(path, command),
    ]),
    '.SH DESCRIPTION',
    text(
      'Stands in front of a web or mail server, passes every ordinary request on to it, and turns away whoever looks for an open proxy or mail relay. ' +
        'What a program may want to read goes to standard output; what is written for people goes to standard error.',
    ),
    '.SH COMMANDS',
    ...commands.flatMap(({ path, command }) => section(path, command)),
    '.SH EXIT STATUS',
    ...table([
      ['0', 'fine'],
      ['1', 'something was found, or the input is not valid'],
      ['2', 'the command line is wrong'],
      ['3', 'audit, scan and health: it could not be told'],
    ]),
    '.SH SIGNALS',
    ...table([
      ['SIGTERM, SIGINT', 'end, once the requests under way are answered'],
      ['SIGHUP', 'read the config again, and open the log file anew'],
      ['SIGUSR2', 'open the log file anew'],
    ]),
    '.SH ENVIRONMENT',
    ...table([
      ['SEKISHO_TOKEN', 'the token of the admin listener, for sekisho bans'],
      ['OTEL_EXPORTER_OTLP_HEADERS', 'credentials of the collector of otel'],
      ['NO_COLOR', 'takes the colours out'],
    ]),
    '.SH FILES',
    ...table([['/etc/sekisho/sekisho.yaml', 'the config, where the Debian package has it']]),
    '.SH SEE ALSO',
    text('nginx(8), apache2(8), haproxy(1), postfix(1), fail2ban-server(1)'),
    '',
  ].join('\n');
}

function section(path: readonly string[], { description, options, args }: CommandWords): string[] {
  const shown = options.filter(({ long }) => long !== '--help');
  return [
    `.SS "sekisho ${path.join(' ')}"`,
    text(`${description.replace(/^\w/, (letter) => letter.toUpperCase())}.`),
    ...table([
      ...args.map((one): [string, string] => [one.term, one.description]),
      ...shown.map((one): [string, string] => [one.term, one.description]),
    ]),
  ];
}

function usage(path: readonly string[], { args, options }: CommandWords): string {
  const words = [...(options.length > 1 ? ['[options]'] : []), ...args.map(({ term }) => term)];
  return `\\fBsekisho ${path.join(' ')}\\fR ${inline(words.join(' '))}`.trimEnd();
}

/** Terms in bold, what they are indented behind them. */
const table = (rows: readonly (readonly [string, string])[]): string[] =>
  rows.flatMap(([term, words]) => ['.TP', `\\fB${inline(term)}\\fR`, text(words)]);

/** Without what the formatter would take for its own: a backslash anywhere, a dot or quote that begins a line, a hyphen that may break. */
const inline = (words: string): string =>
  words.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll('…', '...');
const text = (words: string): string => inline(words).replace(/^(?=[.'])/, '\\&');
