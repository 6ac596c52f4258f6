import type { Command as Program } from 'commander';
import type { ScanCommandOptions } from './scan.ts';

const collect = (value: string, earlier: string[] = []): string[] => [...earlier, value];

/** Registers `sekisho scan`; its code is loaded when it is called. */
export function scanCommand(program: Program, exit: (code: number) => void): void {
  program
    .command('scan')
    .description('past relay probes in access logs, and whether each succeeded')
    .argument('<log...>', 'files (plain, gzip, zstd), directories, or - for stdin')
    .option('--config <file>', 'own hosts, ports and policy from here')
    .option('--host <name>', 'a host that is ours; may be given several times', collect)
    .option('--format <format>', 'id of a format, or a LogFormat or log_format string')
    .option('--json', 'one JSON object a finding on stdout')
    .option('--html <file>', 'write a report with plots, in one file')
    .option('--rehearse', 'tell who would have been blocked or banned')
    .option('--follow', 'go on with what is written to the logs; end with SIGINT')
    .option('--all', 'every rule that a log shows, not only those about relaying')
    .option('--pcap', 'tell how to turn a packet capture into a log that can be read')
    .option('--threads <n>', 'threads at most', (value: string) =>
      Math.max(1, Number.parseInt(value, 10) || 1),
    )
    .addHelpText(
      'after',
      '\nExit codes: 0 no probe succeeded, 1 something was likely relayed, 2 nothing could be read or usage,\n3 open questions: probes of which the logs do not tell, or logs that were not read.',
    )
    .action(async (logs: string[], options: ScanCommandOptions) => {
      const { run } = await import('./scan.ts');
      exit(await run(logs, options));
    });
}
