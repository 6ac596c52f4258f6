import { Option, type Command as Program } from 'commander';
import type { AuditOptions } from './options.ts';

const collect = (value: string, earlier: string[] = []): string[] => [...earlier, value];

/** Several times, with commas, or alone. */
const collectPaths = (value: string, earlier: string[] | true = []): string[] => [
  ...(earlier === true ? [] : earlier),
  value,
];

/** Registers `sekisho audit`; its code is loaded when it is called. */
export function auditCommand(program: Program, exit: (code: number) => void): void {
  program
    .command('audit')
    .description(
      'prove whether your own server relays: HTTP, CONNECT, SOCKS and mail, against a canary of its own',
    )
    .argument('<target>', 'HOST, HOST:PORT, HOST:PORT,PORT, [IPv6]:PORT or a URL')
    .option(
      '--port <ports>',
      'ports instead of the usual ones: 80,8080; may be given several times (default: 80 443 8080 3128 8090 1080 25 587 465)',
      collect,
    )
    .option('--host <name>', 'the host that the server takes for its own (default: of TARGET)')
    .addOption(
      new Option(
        '--paths [paths]',
        'behind TARGET: try pages that fetch by a path or a parameter, the common ones and those given: /proxy?url=,/fetch/,/get?u={}&w=9',
      ).argParser(collectPaths),
    )
    .option('--canary <addr:port>', 'how the server reaches the canary, where it cannot reach this address')
    .option('--canary-listen <addr:port>', 'where the canary listens, where that differs')
    .option(
      '--i-own-this <name>',
      'the name of your server; needed, with proof, unless it is on a private address',
    )
    .option('--timeout <seconds>', 'how long one answer may take (default: 4)')
    .option('--pace <ms>', 'time between two connections (default: 0 on loopback, else 50)')
    .option('--json', 'one JSON object a technique on stdout')
    .addHelpText('after', '\nExit codes: 0 does not relay, 1 relays, 2 usage, 3 could not be told.')
    .action(async (target: string, options: Omit<AuditOptions, 'target'>) => {
      const { run } = await import('./audit.ts');
      exit(await run({ target, ...options }));
    });
}
