import type { Command as Program } from 'commander';
import { collect } from './collect.ts';
import type { ScanCommandOptions } from './scan.ts';

/** Registers `sekisho scan`; its code is loaded when the command runs. */
export function scanCommand(program: Program, exit: (code: number) => void): void {
  program
    .command('scan')
    .description('find past relay probes in logs, and whether each succeeded')
    .argument('<log...>', 'files (plain, gzip, zstd), directories, or - for stdin')
    .option('--config <file>', 'config file with your hosts, ports and policy')
    .option('--host <name>', 'a host of your site; repeatable', collect)
    .option('--format <format>', 'a format id, or a LogFormat or log_format string')
    .option('--json', 'one JSON object per finding on stdout')
    .option('--html <file>', 'also write a report with plots to this file')
    .option('--rehearse', 'report who would have been blocked or banned')
    .option('--follow', 'keep reading what is appended to the logs, until SIGINT')
    .option('--all', 'also report what seeks no relay: TRACE, other protocols, URLs in a path')
    .option('--pcap', 'print how to turn a packet capture into a readable log')
    .option('--threads <n>', 'at most this many threads', (value: string) =>
      Math.max(1, Number.parseInt(value, 10) || 1),
    )
    .addHelpText(
      'after',
      '\nExit codes: 0 no probe succeeded, 1 something was likely relayed, 2 nothing could be read or usage error,\n3 inconclusive: probes whose outcome the logs do not show, or logs that could not be read.',
    )
    .action(async (logs: string[], options: ScanCommandOptions) => {
      const { run } = await import('./scan.ts');
      exit(await run(logs, options));
    });
}
