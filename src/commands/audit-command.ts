import { Option, type Command as Program } from 'commander';
import { collect } from './collect.ts';
import type { AuditOptions } from './options.ts';

/** `--paths` alone, or with a value, any number of times. */
const collectPaths = (value: string, earlier: string[] | true = []): string[] => [
  ...(earlier === true ? [] : earlier),
  value,
];

/** Registers `sekisho audit`; its code is loaded when the command runs. */
export function auditCommand(program: Program, exit: (code: number) => void): void {
  program
    .command('audit')
    .description(
      'prove whether your own server is an open relay, by HTTP, CONNECT, SOCKS and mail, against its own canary',
    )
    .argument('<target>', 'HOST, HOST:PORT, HOST:PORT,PORT, [IPv6]:PORT or a URL')
    .option(
      '--port <ports>',
      'ports to try, such as 80,8080; repeatable (default: 80 443 8080 3128 8090 1080 25 587 465)',
      collect,
    )
    .option('--host <name>', 'the host name that the server serves (default: that of TARGET)')
    .addOption(
      new Option(
        '--paths [paths]',
        'also try pages that fetch a URL given in a path or parameter: the common ones, and yours: /proxy?url=,/fetch/,/get?u={}&w=9',
      ).argParser(collectPaths),
    )
    .option('--canary <addr:port>', 'how the server reaches the canary, if not at this address')
    .option('--canary-listen <addr:port>', 'where the canary listens, if that differs')
    .option(
      '--i-own-this <name>',
      'the name of your server; required, with proof, unless its address is private',
    )
    .option('--timeout <seconds>', 'how long to wait for one answer (default: 4)')
    .option('--pace <ms>', 'delay between connections (default: 0 on loopback, else 50)')
    .option('--json', 'one JSON object per technique on stdout')
    .addHelpText('after', '\nExit codes: 0 does not relay, 1 relays, 2 usage error, 3 inconclusive.')
    .action(async (target: string, options: Omit<AuditOptions, 'target'>) => {
      const { run } = await import('./audit.ts');
      exit(await run({ target, ...options }));
    });
}
