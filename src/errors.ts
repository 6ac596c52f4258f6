/** The codes that errors carry, so that a program can tell them apart without reading the message. */

export type ErrorCode =
  /** Options or a config with faults; `faults` holds each. */
  | 'SEKISHO_ERR_CONFIG'
  /** A plugin that needs `relayGuard` stands where none is. */
  | 'SEKISHO_ERR_NO_GUARD'
  /** A second guard before the same server. */
  | 'SEKISHO_ERR_GUARDED_ALREADY'
  /** A text that is no prefix, or one that may not be banned. */
  | 'SEKISHO_ERR_BAN_PREFIX'
  /** A list of bans that can't be read. */
  | 'SEKISHO_ERR_BAN_LIST'
  /** A journal that can't be opened. */
  | 'SEKISHO_ERR_JOURNAL'
  /** A package is not installed that a feature needs. */
  | 'SEKISHO_ERR_PACKAGE'
  /** An address that can't be listened on. */
  | 'SEKISHO_ERR_LISTEN'
  /** A backend gave no whole answer; `status` is what the client gets. */
  | 'SEKISHO_ERR_BACKEND';

/** @param message what, where, and the fix */
export function codedError(
  code: ErrorCode,
  message: string,
  options?: ErrorOptions,
): Error & { readonly code: ErrorCode } {
  return Object.assign(new Error(message, options), { code });
}
