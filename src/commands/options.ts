/** The options of each command, as parsed from the command line. */
import type { CommandSpec } from '../completion/command-line.ts';
import type { egressName, TargetName } from '../export/names.ts';
import type { ReportFormat } from '../reports/formats.ts';

export interface CheckOptions {
  /** Config file. */
  readonly config: string;
  /** One JSON object a line on stdout; text for people goes to stderr. */
  readonly json?: boolean;
}

export interface StartOptions {
  /** Config file; without one only the flags and defaults apply. */
  readonly config?: string;
  /** `ADDR:PORT`, instead of those in the file. */
  readonly listen?: readonly string[];
  /** Hosts that are ours, instead of the sites in the file. */
  readonly host?: readonly string[];
  /** Backends of those hosts. */
  readonly backend?: readonly string[];
  /** `ADDR:PORT` of the admin listener. */
  readonly admin?: string;
  /** Exit, as on SIGTERM, when the parent process has ended. */
  readonly endWithParent?: boolean;
}

export interface InitOptions {
  /** Hosts that are ours. @default asked for, offering those of the web server that was found */
  readonly host?: readonly string[];
  /** The web server behind Sekisho. @default asked for; http://127.0.0.1:8081 */
  readonly backend?: string;
  /** `ADDR:PORT` that visitors connect to. @default asked for; 0.0.0.0:80 */
  readonly listen?: string;
  /** Mail address; orders certificates from Let's Encrypt, which mails problems there. @default the certificates of the web server, or none */
  readonly acme?: string;
  /** Agrees to the terms of Let's Encrypt. */
  readonly agreeTerms?: boolean;
  /** File to write. @default sekisho.yaml */
  readonly output?: string;
  /** Overwrite the file if it exists. */
  readonly force?: boolean;
  /** Folder with the configuration of web servers. @default /etc */
  readonly etc?: string;
}

export interface ExplainOptions {
  /** Config file with the sites and the policy to judge by. */
  readonly config?: string;
  /** One JSON object a line on stdout. */
  readonly json?: boolean;
}

export interface AuditOptions {
  /** The server: `HOST`, `HOST:PORT`, `HOST:PORT,PORT`, `[IPv6]:PORT` or a URL. */
  readonly target: string;
  /** Port or comma-separated ports to audit, instead of the one in TARGET or the usual ones. */
  readonly port?: readonly string[];
  /** Host name that the server serves. @default that of TARGET */
  readonly host?: string;
  /**
   * Pages that fetch a URL given in a path or parameter, tried besides the common ones; true: only the common ones.
   * @default none are tried, and the verdict says so
   */
  readonly paths?: readonly string[] | true;
  /** `ADDR:PORT` at which the server reaches the canary. @default the local address towards the server, any port */
  readonly canary?: string;
  /** `ADDR:PORT` that the canary listens on, if it differs. */
  readonly canaryListen?: string;
  /** Name of the server, which the caller owns: required unless its address is loopback or private. */
  readonly iOwnThis?: string;
  /** Seconds to wait for one answer. @default 4 */
  readonly timeout?: string;
  /** Milliseconds between two connections. @default 0 on loopback, 50 elsewhere */
  readonly pace?: string;
  /** One JSON object per technique on stdout. */
  readonly json?: boolean;
}

export interface AlertsTestOptions {
  /** Config file with the receivers. */
  readonly config: string;
}

export interface CompletionOptions {
  readonly shell: 'bash' | 'zsh' | 'fish';
  /** The command line to complete. */
  readonly program: CommandSpec;
}

export interface HealthOptions {
  /** Config file of the gateway to ask. */
  readonly config: string;
}

export interface JournalOptions {
  /** Config file that names the journal. */
  readonly config: string;
  /** The file to write. */
  readonly target: string;
}

export interface BansOptions {
  readonly action: 'list' | 'add' | 'remove';
  /** An address or a prefix; absent for `list`. */
  readonly prefix?: string;
  /** Length of the ban, such as `1h`. @default for ever */
  readonly for?: string;
  readonly reason?: string;
  /** For `list`: print the bans in the format of another firewall. */
  readonly format?: string;
  /** URL of the admin API. @default `admin.listen` of the config, or http://127.0.0.1:9090 */
  readonly admin?: string;
  /** Config file with the admin listener and token to use; SEKISHO_TOKEN overrides the token. */
  readonly config?: string;
  /** One JSON object a line on stdout. */
  readonly json?: boolean;
}

export interface ReportOptions {
  readonly format: ReportFormat;
  /** An address or a prefix. @default all sources, in the list formats */
  readonly client?: string;
  /** ISO 8601. @default a day ago, in a list of all sources */
  readonly from?: string;
  readonly to?: string;
  /** Mail address of the reporter. @default the sender address of mail alerts */
  readonly contact?: string;
  /** URL of the admin API. @default `admin.listen` of the config, or http://127.0.0.1:9090 */
  readonly admin?: string;
  /** Config file with the admin listener and token to use; SEKISHO_TOKEN overrides the token. */
  readonly config?: string;
}

export interface ExportOptions {
  readonly target: TargetName | typeof egressName;
  /** Config file with the sites and the policy to export. */
  readonly config?: string;
  /** One file of several. @default the first; with `json` all of them */
  readonly part?: string;
  /** One JSON object on stdout: the files, and how far they express each rule. */
  readonly json?: boolean;
}

/**
 * The signature of `run`, which each command file exports.
 *
 * @returns the exit code: 0 fine, 1 found something or invalid input
 */
export type Command<Options> = (options: Options) => Promise<number>;
