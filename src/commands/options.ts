/** What each command is called with, once the command line is read. */

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
}

export interface ExplainOptions {
  /** Config file, whose sites and policy decide. */
  readonly config?: string;
  /** One JSON object a line on stdout. */
  readonly json?: boolean;
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

/**
 * What each file of this folder exports as `run`.
 *
 * @returns the exit code: 0 fine, 1 found something or invalid input
 */
export type Command<Options> = (options: Options) => Promise<number>;
