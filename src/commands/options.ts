/** What each command is called with, once the command line is read. */
import type { CommandWords } from '../completion/words.ts';
import type { egressName, TargetName } from '../export/names.ts';
import type { ReportFormat } from '../reports/formats.ts';

export interface CheckOptions {
  /** Config file. */
  readonly config: string;
  /** One JSON object a line on stdout; text for people goes to stderr. */
  readonly json?: boolean;
}

export interface StartOptions {
  /** Config file; without one the flags and the defaults are all there is. */
  readonly config?: string;
  /** `ADDR:PORT`, in place of the file's. */
  readonly listen?: readonly string[];
  /** Hosts that are ours, in place of the file's sites. */
  readonly host?: readonly string[];
  /** Backends of those hosts. */
  readonly backend?: readonly string[];
  /** `ADDR:PORT` of the admin listener. */
  readonly admin?: string;
  /** End, as on SIGTERM, when the parent process has ended. */
  readonly endWithParent?: boolean;
}

export interface InitOptions {
  /** Hosts that are ours. @default asked for, with those of the web server that is found */
  readonly host?: readonly string[];
  /** The web server behind. @default asked for; http://127.0.0.1:8081 */
  readonly backend?: string;
  /** `ADDR:PORT` that visitors come to. @default asked for; 0.0.0.0:80 */
  readonly listen?: string;
  /** Certificates are ordered from Let's Encrypt, which may write there. @default those of the web server, or none */
  readonly acme?: string;
  /** To the terms of Let's Encrypt. */
  readonly agreeTerms?: boolean;
  /** File to write. @default sekisho.yaml */
  readonly output?: string;
  /** Overwrite it. */
  readonly force?: boolean;
  /** Folder with the configurations of web servers. @default /etc */
  readonly etc?: string;
}

export interface ExplainOptions {
  /** Config file, whose sites and policy decide. */
  readonly config?: string;
  /** One JSON object a line on stdout. */
  readonly json?: boolean;
}

export interface AuditOptions {
  /** The server: `HOST`, `HOST:PORT`, `HOST:PORT,PORT`, `[IPv6]:PORT` or a URL. */
  readonly target: string;
  /** Port or ports (with commas) to audit, in place of the one in TARGET or of the usual ones. */
  readonly port?: readonly string[];
  /** Host that the server takes for its own. @default TARGET's */
  readonly host?: string;
  /**
   * Pages that fetch by a path or a parameter, to be tried beside the common ones; true: those alone. @default none, which is
   * told
   */
  readonly paths?: readonly string[] | true;
  /** `ADDR:PORT` under which the server reaches the canary. @default the address that faces the server, any port */
  readonly canary?: string;
  /** `ADDR:PORT` that the canary listens on, where it differs. */
  readonly canaryListen?: string;
  /** Name of the server, whose owner the caller is: needed where it is not on a loopback or private address. */
  readonly iOwnThis?: string;
  /** Seconds that one answer may take. @default 4 */
  readonly timeout?: string;
  /** Milliseconds between two connections. @default 0 on loopback, 50 elsewhere */
  readonly pace?: string;
  /** One JSON object a technique on stdout. */
  readonly json?: boolean;
}

export interface AlertsTestOptions {
  /** Config file, whose receivers are meant. */
  readonly config: string;
}

export interface CompletionOptions {
  readonly shell: 'bash' | 'zsh' | 'fish';
  /** What is completed. */
  readonly program: CommandWords;
}

export interface HealthOptions {
  /** Config file, whose gateway is asked. */
  readonly config: string;
}

export interface JournalOptions {
  /** Config file, whose journal is meant. */
  readonly config: string;
  /** The file to write. */
  readonly target: string;
}

export interface BansOptions {
  readonly action: 'list' | 'add' | 'remove';
  /** An address or a prefix; absent from `list`. */
  readonly prefix?: string;
  /** Length of the ban, `1h`. @default without an end */
  readonly for?: string;
  readonly reason?: string;
  /** Of `list`: the live bans in the language of another firewall. */
  readonly format?: string;
  /** URL of the admin API. @default `admin.listen` of the config, or http://127.0.0.1:9090 */
  readonly admin?: string;
  /** Config file, whose admin listener and token are used; SEKISHO_TOKEN wins over the token. */
  readonly config?: string;
  /** One JSON object a line on stdout. */
  readonly json?: boolean;
}

export interface ReportOptions {
  readonly format: ReportFormat;
  /** An address or a prefix. @default of the lists: all sources */
  readonly client?: string;
  /** ISO 8601. @default of a list of all sources: a day ago */
  readonly from?: string;
  readonly to?: string;
  /** Mail address of whoever reports. @default the sender of alerts by mail */
  readonly contact?: string;
  /** URL of the admin API. @default `admin.listen` of the config, or http://127.0.0.1:9090 */
  readonly admin?: string;
  /** Config file, whose admin listener and token are used; SEKISHO_TOKEN wins over the token. */
  readonly config?: string;
}

export interface ExportOptions {
  readonly target: TargetName | typeof egressName;
  /** Config file, whose sites and policy are exported. */
  readonly config?: string;
  /** Which of several files. @default the first; with `json` all of them */
  readonly part?: string;
  /** One JSON object on stdout: the files, and what they express of each rule. */
  readonly json?: boolean;
}

/**
 * What each file of this folder exports as `run`.
 *
 * @returns the exit code: 0 fine, 1 found something or invalid input
 */
export type Command<Options> = (options: Options) => Promise<number>;
