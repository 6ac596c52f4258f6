#!/usr/bin/env node
/** Arguments → one command. Each command is loaded when it is called, so that `check` never loads the server's code. */
import { Argument, CommanderError, Option, Command as Program } from 'commander';
import { exportFormats } from './bans/ban-export.ts';
import { auditCommand } from './commands/audit-command.ts';
import { collect } from './commands/collect.ts';
import { faultLines } from './commands/fault-lines.ts';
import type {
  AlertsTestOptions,
  BansOptions,
  CheckOptions,
  Command,
  CompletionOptions,
  ExplainOptions,
  ExportOptions,
  HealthOptions,
  InitOptions,
  JournalOptions,
  ReportOptions,
  StartOptions,
} from './commands/options.ts';
import { scanCommand } from './commands/scan-command.ts';
import { commandSpec } from './completion/command-line.ts';
import { ConfigError } from './config/fault.ts';
import { egressName, targetNames } from './export/names.ts';
import { packageJson } from './package-json.ts';
import { reportFormats } from './reports/formats.ts';

/** Called with the exit code of the command that ran. */
type Exit = (code: number) => void;

/** The action of a command: loads its file and runs it. */
function lazy<Options>(
  load: () => Promise<{ readonly run: Command<Options> }>,
  exit: Exit,
): (options: Options) => Promise<void> {
  return async (options) => {
    const { run } = await load();
    exit(await run(options));
  };
}

/** One entry per command: its name and flags. A new command is an entry here and a file in `commands/`. */
const commands: readonly ((program: Program, exit: Exit) => void)[] = [
  (program, exit) =>
    program
      .command('start')
      .description('start the checkpoint; flags override the config file')
      .option('--config <file>', 'config file')
      .option('--listen <addr:port>', 'accept HTTP here; repeatable', collect)
      .option('--host <name>', 'a host of this site; repeatable', collect)
      .option(
        '--backend <url>',
        'the web server behind Sekisho: http://…, https://…, unix:/PATH or welcome; repeatable',
        collect,
      )
      .option('--admin <addr:port>', 'serve the dashboard, metrics and admin API here')
      .option('--end-with-parent', 'exit when the parent process ends, even if it was killed')
      .action(lazy<StartOptions>(() => import('./commands/start.ts'), exit)),
  (program, exit) =>
    program
      .command('init')
      .description('ask three questions and write a config for the web server on this machine')
      .option('--host <name>', 'a host of your site; repeatable; with it no question is asked', collect)
      .option('--backend <url>', 'your web server, behind Sekisho (default: http://127.0.0.1:8081)')
      .option('--listen <addr:port>', 'where visitors connect (default: 0.0.0.0:80)')
      .option('--acme <email>', "order certificates from Let's Encrypt; it mails problems to this address")
      .option('--agree-terms', "agree to the terms of Let's Encrypt: https://letsencrypt.org/repository/")
      .option('--output <file>', 'the file to write (default: sekisho.yaml)')
      .option('--force', 'overwrite the file if it exists')
      .addOption(new Option('--etc <folder>', 'where web servers keep their configuration (default: /etc)'))
      .action(lazy<InitOptions>(() => import('./commands/init.ts'), exit)),
  (program, exit) =>
    program
      .command('check')
      .description('list every fault in a config, with its line and the fix')
      .requiredOption('--config <file>', 'config file')
      .option('--json', 'one JSON object per fault on stdout')
      .action(lazy<CheckOptions>(() => import('./commands/check.ts'), exit)),
  (program, exit) =>
    program
      .command('explain')
      .description(
        'judge a raw HTTP/1 request, the fields of an HTTP/2 request, or a log line from stdin, and say why',
      )
      .option('--config <file>', 'config file')
      .option('--json', 'one JSON object on stdout')
      .action(lazy<ExplainOptions>(() => import('./commands/explain.ts'), exit)),
  scanCommand,
  auditCommand,
  registerBans,
  (program, exit) =>
    program
      .command('report')
      .description(
        'write the evidence a running gateway has against a source, for an abuse contact or for sharing; nothing is sent',
      )
      .addOption(
        new Option('--format <format>', 'text, html and xarf cover one source; the others cover one or all')
          .choices(reportFormats)
          .default('text'),
      )
      .option('--client <prefix>', 'the source: an address or a prefix')
      .option('--from <time>', 'start of the period, ISO 8601 (default for all sources: a day ago)')
      .option('--to <time>', 'end of the period, ISO 8601 (default: now)')
      .option('--contact <mail>', 'your mail address (default: the sender address of mail alerts)')
      .option('--config <file>', 'config file with the admin listener and token to use')
      .option('--admin <url>', 'URL of the admin API, instead of the one in the config')
      .action(lazy<ReportOptions>(() => import('./commands/report.ts'), exit)),
  registerJournal,
  registerAlerts,
  (program, exit) =>
    program
      .command('completion')
      .description('print the completion script for a shell')
      .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish']))
      .action((shell: CompletionOptions['shell']) =>
        lazy<CompletionOptions>(
          () => import('./commands/completion.ts'),
          exit,
        )({ shell, program: commandSpec(program) }),
      ),
  (program, exit) =>
    program
      .command('health')
      .description(
        'check whether the gateway of a config on this machine takes requests; exit 1 if it does not, 3 if that is unknown',
      )
      .requiredOption('--config <file>', 'config file')
      .action(lazy<HealthOptions>(() => import('./commands/health.ts'), exit)),
  (program, exit) =>
    program
      .command('export')
      .description('print the policy as configuration for another program, and list what it cannot express')
      .addArgument(new Argument('<target>', 'the program to configure').choices([...targetNames, egressName]))
      .option('--config <file>', 'config file')
      .option(
        '--part <name>',
        'one of several files, listed at the top of the first one; for egress: user (the default) or unit',
      )
      .option(
        '--json',
        'one JSON object on stdout: every file with its content, and how far each rule is expressed',
      )
      .action((target: ExportOptions['target'], options: Omit<ExportOptions, 'target'>) =>
        lazy<ExportOptions>(() => import('./commands/export.ts'), exit)({ target, ...options }),
      ),
];

function registerBans(program: Program, exit: Exit): void {
  const bans = program
    .command('bans')
    .description('list and change the bans of a running gateway, over its admin API');
  const run = lazy<BansOptions>(() => import('./commands/bans.ts'), exit);
  const withAdminOptions = (command: Program): Program =>
    command
      .option('--config <file>', 'config file with the admin listener and token to use')
      .option('--admin <url>', 'URL of the admin API, instead of the one in the config')
      .option('--json', 'one JSON object per ban on stdout')
      .copyInheritedSettings(program)
      .allowExcessArguments(false);
  withAdminOptions(bans.command('list'))
    .description('list every ban in force, newest first; SEKISHO_TOKEN holds the token')
    .addOption(
      new Option('--format <format>', 'print all bans in the format of another firewall').choices(
        exportFormats,
      ),
    )
    .action((options: Omit<BansOptions, 'action'>) => run({ ...options, action: 'list' }));
  withAdminOptions(bans.command('add <prefix>'))
    .description('ban an address or a prefix')
    .option('--for <time>', 'how long, such as 10m, 1h or 30d (default: for ever)')
    .option('--reason <words>', 'why, shown in the list')
    .action((prefix: string, options: Omit<BansOptions, 'action'>) =>
      run({ ...options, action: 'add', prefix }),
    );
  withAdminOptions(bans.command('remove <prefix>'))
    .description('lift a ban')
    .action((prefix: string, options: Omit<BansOptions, 'action'>) =>
      run({ ...options, action: 'remove', prefix }),
    );
}

function registerJournal(program: Program, exit: Exit): void {
  program
    .command('journal')
    .description('work with the journal, the file of probe events and bans')
    .command('backup <file>')
    .description('copy the journal while the gateway keeps writing to it')
    .requiredOption('--config <file>', 'config file that names the journal')
    .copyInheritedSettings(program)
    .allowExcessArguments(false)
    .action((target: string, options: Omit<JournalOptions, 'target'>) =>
      lazy<JournalOptions>(() => import('./commands/journal.ts'), exit)({ ...options, target }),
    );
}

function registerAlerts(program: Program, exit: Exit): void {
  program
    .command('alerts')
    .description('work with the receivers of alerts')
    .command('test')
    .description('send one test message to each receiver and print what it answered; exit 1 if one failed')
    .option('--config <file>', 'config file', 'sekisho.yaml')
    .copyInheritedSettings(program)
    .allowExcessArguments(false)
    .action(lazy<AlertsTestOptions>(() => import('./commands/alerts.ts'), exit));
}

/** The whole command line. */
export function buildProgram(exit: Exit): Program {
  const program = new Program('sekisho')
    .description(packageJson.description)
    .version(packageJson.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .showHelpAfterError('(see --help)')
    .addHelpText(
      'after',
      '\nExit codes: 0 fine, 1 found something or invalid input, 2 usage error; audit, scan and health also 3: unknown.',
    )
    .exitOverride();
  for (const register of commands) register(program, exit);
  for (const command of program.commands) command.copyInheritedSettings(program).allowExcessArguments(false);
  return program;
}

/**
 * Runs one command line.
 *
 * @param args without the paths of node and the script
 * @returns the exit code
 */
export async function main(args: readonly string[]): Promise<number> {
  exitOnClosedPipe(args[0] === 'start');
  let code = 0;
  const program = buildProgram((result) => {
    code = result;
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (error) {
    // Commander has already printed the error. Help and version also throw, with exit code 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof ConfigError) {
      for (const fault of error.faults) process.stderr.write(`${faultLines(error.file, fault)}\n`);
      return 1;
    }
    // An error of Node's permission model names the missing flag, but not the file.
    const { resource = '' } = error as { resource?: string };
    const denied = resource === '' ? '' : `${resource}: `;
    process.stderr.write(`sekisho: ${denied}${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

/**
 * `sekisho scan … | head`: when the reader closes the pipe, exits quietly instead of with a stack trace. A gateway keeps
 * running, because it still has clients.
 */
function exitOnClosedPipe(keepRunning: boolean): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      // The status a shell reports for a program killed by SIGPIPE.
      if (!keepRunning) process.exit(128 + 13);
    });
}

/** The Node version that the program needs; the plugins run on older ones (`engines` in package.json). */
function isTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < 24 || (major === 24 && minor < 9);
}

// `main` is undefined on a Node that is too old to have it.
if (import.meta.main !== false) {
  const { node } = process.versions;
  if (isTooOld(node)) {
    process.stderr.write(`sekisho: needs Node 24.9 or newer; this is ${node} (${process.execPath})\n`);
    process.exitCode = 1;
  } else
    void main(process.argv.slice(2)).then((code) => {
      process.exitCode = code;
    });
}
