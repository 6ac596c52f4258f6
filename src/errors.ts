/** The codes of errors, so that a program can distinguish them without parsing messages. */

export type ErrorCode =
  /** Faults in options or in a config; `faults` lists them. */
  | 'SEKISHO_ERR_CONFIG'
  /** A plugin that needs `relayGuard` was registered without it. */
  | 'SEKISHO_ERR_NO_GUARD'
  /** The server has a guard already. */
  | 'SEKISHO_ERR_GUARDED_ALREADY'
  /** A text that is not a prefix, or a prefix that must not be banned. */
  | 'SEKISHO_ERR_BAN_PREFIX'
  /** A ban list that can't be read. */
  | 'SEKISHO_ERR_BAN_LIST'
  /** A journal that can't be opened. */
  | 'SEKISHO_ERR_JOURNAL'
  /** A feature needs a package that is not installed. */
  | 'SEKISHO_ERR_PACKAGE'
  /** An address that can't be listened on. */
  | 'SEKISHO_ERR_LISTEN'
  /** A backend gave no complete response; the client gets `status`. */
  | 'SEKISHO_ERR_BACKEND';

/** @param message what, where, and the fix */
export function codedError(
  code: ErrorCode,
  message: string,
  options?: ErrorOptions,
): Error & { readonly code: ErrorCode } {
  return Object.assign(new Error(message, options), { code });
}
