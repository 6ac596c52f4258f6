/** The manual page sekisho(1), in man(7), generated from the command line so that it stays up to date. */
import { buildProgram } from '../src/cli.ts';
import { type CommandSpec, commandSpec, walk } from '../src/completion/command-line.ts';
import { packageJson } from '../src/package-json.ts';

/** @param date `2026-11-29` */
export function manPage(date: string): string {
  const program = commandSpec(buildProgram(() => {}));
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
      'Runs in front of a web or mail server, passes every ordinary request on to it, and refuses attempts to use it as an open proxy or mail relay. ' +
        'Output for programs goes to standard output, messages for people to standard error.',
    ),
    '.SH COMMANDS',
    ...commands.flatMap(({ path, command }) => section(path, command)),
    '.SH EXIT STATUS',
    ...table([
      ['0', 'fine'],
      ['1', 'something was found, or the input is not valid'],
      ['2', 'usage error'],
      ['3', 'audit, scan and health: inconclusive'],
    ]),
    '.SH SIGNALS',
    ...table([
      ['SIGTERM, SIGINT', 'shut down, once requests in progress are answered'],
      ['SIGHUP', 'reload the config and reopen the log files'],
      ['SIGUSR2', 'reopen the log files'],
    ]),
    '.SH ENVIRONMENT',
    ...table([
      ['SEKISHO_TOKEN', 'the token of the admin listener, for sekisho bans and sekisho report'],
      ['OTEL_EXPORTER_OTLP_HEADERS', 'credentials for the OpenTelemetry collector'],
      ['NO_COLOR', 'turns colours off'],
    ]),
    '.SH FILES',
    ...table([['/etc/sekisho/sekisho.yaml', 'the config of the Debian package']]),
    '.SH SEE ALSO',
    text('nginx(8), apache2(8), haproxy(1), postfix(1), fail2ban-server(1)'),
    '',
  ].join('\n');
}

function section(path: readonly string[], { description, options, args }: CommandSpec): string[] {
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

function usage(path: readonly string[], { args, options }: CommandSpec): string {
  const words = [...(options.length > 1 ? ['[options]'] : []), ...args.map(({ term }) => term)];
  return `\\fBsekisho ${path.join(' ')}\\fR ${inline(words.join(' '))}`.trimEnd();
}

/** Terms in bold, each followed by its indented description. */
const table = (rows: readonly (readonly [string, string])[]): string[] =>
  rows.flatMap(([term, words]) => ['.TP', `\\fB${inline(term)}\\fR`, text(words)]);

/** Escapes backslashes and hyphens for the formatter; `text` also escapes a dot or quote that begins a line. */
const inline = (words: string): string =>
  words.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll('…', '...');
const text = (words: string): string => inline(words).replace(/^(?=[.'])/, '\\&');
