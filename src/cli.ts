#!/usr/bin/env node
/** Arguments → one command. Commands are loaded when called, so that `check` never waits for the server's code. */
import { Argument, CommanderError, Option, Command as Program } from 'commander';
import { exportFormats } from './bans/export.ts';
import { auditCommand } from './commands/audit-command.ts';
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
import { commandWords } from './completion/words.ts';
import { ConfigError } from './config/fault.ts';
import { egressName, targetNames } from './export/names.ts';
import { packageJson } from './package-json.ts';
import { reportFormats } from './reports/formats.ts';

/** Called with the exit code of the command that ran. */
type Exit = (code: number) => void;

/** An option that may be given several times. */
const collect = (value: string, earlier: string[] = []): string[] => [...earlier, value];

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

/** One entry a command: its words and flags. A new command is an entry here and a file in `commands/`. */
const commands: readonly ((program: Program, exit: Exit) => void)[] = [
  (program, exit) =>
    program
      .command('start')
      .description('start the checkpoint; flags stand over the config file')
      .option('--config <file>', 'config file')
      .option('--listen <addr:port>', 'accept HTTP here; may be given several times', collect)
      .option('--host <name>', 'a host that is ours; may be given several times', collect)
      .option(
        '--backend <url>',
        'the server behind: http://…, https://…, unix:/PATH or welcome; may be given several times',
        collect,
      )
      .option('--admin <addr:port>', 'dashboard, metrics and admin API here')
      .option('--end-with-parent', 'end when the program that started this one has ended, however it did')
      .action(lazy<StartOptions>(() => import('./commands/start.ts'), exit)),
  (program, exit) =>
    program
      .command('init')
      .description('ask three questions, and write a config for the web server that is here')
      .option(
        '--host <name>',
        'a host that is ours; may be given several times; no question is asked then',
        collect,
      )
      .option('--backend <url>', 'the server behind (default: http://127.0.0.1:8081)')
      .option('--listen <addr:port>', 'where visitors come to (default: 0.0.0.0:80)')
      .option('--acme <email>', "order certificates from Let's Encrypt, which may write there about trouble")
      .option('--agree-terms', "you agree to the terms of Let's Encrypt: https://letsencrypt.org/repository/")
      .option('--output <file>', 'the file to write (default: sekisho.yaml)')
      .option('--force', 'overwrite it')
      .addOption(new Option('--etc <folder>', 'where web servers have their configuration (default: /etc)'))
      .action(lazy<InitOptions>(() => import('./commands/init.ts'), exit)),
  (program, exit) =>
    program
      .command('check')
      .description('tell every fault of a config, with its place and the fix')
      .requiredOption('--config <file>', 'config file')
      .option('--json', 'one JSON object a fault on stdout')
      .action(lazy<CheckOptions>(() => import('./commands/check.ts'), exit)),
  (program, exit) =>
    program
      .command('explain')
      .description('judge a raw request, the fields of one of HTTP/2, or a log line, from stdin, and say why')
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
        'what a running gateway has against a source, for its abuse contact or for sharing; nothing is sent',
      )
      .addOption(
        new Option('--format <format>', 'text, html and xarf: about one source; the others about one or all')
          .choices(reportFormats)
          .default('text'),
      )
      .option('--client <prefix>', 'the source: an address or a prefix')
      .option('--from <time>', 'the first moment, ISO 8601 (default, of all sources: a day ago)')
      .option('--to <time>', 'the moment behind the last one')
      .option('--contact <mail>', 'your mail address (default: the sender of alerts by mail)')
      .option('--config <file>', 'config file, whose admin listener and token are used')
      .option('--admin <url>', 'the admin API, in place of the one of the config')
      .action(lazy<ReportOptions>(() => import('./commands/report.ts'), exit)),
  registerJournal,
  registerAlerts,
  (program, exit) =>
    program
      .command('completion')
      .description('the script that completes this command line in a shell')
      .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish']))
      .action((shell: CompletionOptions['shell']) =>
        lazy<CompletionOptions>(
          () => import('./commands/completion.ts'),
          exit,
        )({ shell, program: commandWords(program) }),
      ),
  (program, exit) =>
    program
      .command('health')
      .description(
        'ask the gateway of a config on this machine whether it takes requests; exit 1 where it does not, 3 where it can not be told',
      )
      .requiredOption('--config <file>', 'config file')
      .action(lazy<HealthOptions>(() => import('./commands/health.ts'), exit)),
  (program, exit) =>
    program
      .command('export')
      .description('the policy as configuration of another program, and what it cannot express')
      .addArgument(new Argument('<target>', 'the program').choices([...targetNames, egressName]))
      .option('--config <file>', 'config file')
      .option(
        '--part <name>',
        'one of several files; the head of the first names them; of egress: user (the default) or unit',
      )
      .option(
        '--json',
        'one JSON object on stdout: every file with its content, and what is expressed of each rule',
      )
      .action((target: ExportOptions['target'], options: Omit<ExportOptions, 'target'>) =>
        lazy<ExportOptions>(() => import('./commands/export.ts'), exit)({ target, ...options }),
      ),
];

function registerBans(program: Program, exit: Exit): void {
  const bans = program.command('bans').description('who is banned, on a running gateway, over its admin API');
  const run = lazy<BansOptions>(() => import('./commands/bans.ts'), exit);
  const reached = (command: Program): Program =>
    command
      .option('--config <file>', 'config file, whose admin listener and token are used')
      .option('--admin <url>', 'the admin API, in place of the one of the config')
      .option('--json', 'one JSON object a ban on stdout')
      .copyInheritedSettings(program)
      .allowExcessArguments(false);
  reached(bans.command('list'))
    .description('every ban in force, newest first; SEKISHO_TOKEN holds the token')
    .addOption(new Option('--format <format>', 'all of them, for another firewall').choices(exportFormats))
    .action((options: Omit<BansOptions, 'action'>) => run({ ...options, action: 'list' }));
  reached(bans.command('add <prefix>'))
    .description('ban an address or a prefix')
    .option('--for <time>', 'how long, such as 10m, 1h or 30d (default: for ever)')
    .option('--reason <words>', 'why, for whoever reads the list')
    .action((prefix: string, options: Omit<BansOptions, 'action'>) =>
      run({ ...options, action: 'add', prefix }),
    );
  reached(bans.command('remove <prefix>'))
    .description('take a ban back')
    .action((prefix: string, options: Omit<BansOptions, 'action'>) =>
      run({ ...options, action: 'remove', prefix }),
    );
}

function registerJournal(program: Program, exit: Exit): void {
  program
    .command('journal')
    .description('the file of probe events and bans')
    .command('backup <file>')
    .description('copy it, while the gateway goes on writing')
    .requiredOption('--config <file>', 'config file, whose journal is copied')
    .copyInheritedSettings(program)
    .allowExcessArguments(false)
    .action((target: string, options: Omit<JournalOptions, 'target'>) =>
      lazy<JournalOptions>(() => import('./commands/journal.ts'), exit)({ ...options, target }),
    );
}

function registerAlerts(program: Program, exit: Exit): void {
  program
    .command('alerts')
    .description('the receivers of alerts')
    .command('test')
    .description('send one message to each, and tell what it answered; exit 1 where one failed')
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
    .showHelpAfterError('(--help tells more)')
    .addHelpText('after', '\nExit codes: 0 fine, 1 found something or invalid input, 2 usage.')
    .exitOverride();
  for (const register of commands) register(program, exit);
  for (const command of program.commands) command.copyInheritedSettings(program).allowExcessArguments(false);
  return program;
}

/**
 * Runs one command line.
 *
 * @param args without the names of node and script
 * @returns the exit code
 */
export async function main(args: readonly string[]): Promise<number> {
  endWithReader(args[0] === 'start');
  let code = 0;
  const program = buildProgram((result) => {
    code = result;
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (error) {
    // Commander has told already what is wrong; help and version come this way too, with 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof ConfigError) {
      for (const fault of error.faults) process.stderr.write(`${faultLines(error.file, fault)}\n`);
      return 1;
    }
    // Node's permission model says which flag is missing, and not for what.
    const { resource = '' } = error as { resource?: string };
    const denied = resource === '' ? '' : `${resource}: `;
    process.stderr.write(`sekisho: ${denied}${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

/**
 * `sekisho scan … | head`: once nobody reads any more there is nothing left to do, and a stack trace would be the last word. A gateway goes on:
 * whoever looked at its first lines has gone, and its visitors have not.
 */
function endWithReader(goesOn: boolean): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      // As a shell tells of a program that SIGPIPE has ended.
      if (!goesOn) process.exit(128 + 13);
    });
}

/** What the program needs of Node; the plugins need less (`engines` of package.json). */
function isTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < 24 || (major === 24 && minor < 9);
}

// Undefined on a Node that does not know it, which is too old.
if (import.meta.main !== false) {
  const { node } = process.versions;
  if (isTooOld(node)) {
    process.stderr.write(`sekisho: needs Node 24.9 or newer, and this is ${node} (${process.execPath})\n`);
    process.exitCode = 1;
  } else
    void main(process.argv.slice(2)).then((code) => {
      process.exitCode = code;
    });
}
