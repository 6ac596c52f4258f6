/** Errors of HTTP/2, of a stream or of the connection (RFC 9113 section 5.4). */

/** RFC 9113 section 7. */
export const errorCodes = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  connectError: 10,
  enhanceYourCalm: 11,
  inadequateSecurity: 12,
  http11Required: 13,
} as const;

export interface Fault {
  readonly code: number;
  /** A stream error; otherwise a connection error, after which the connection must close. */
  readonly stream: boolean;
  /** For people. */
  readonly why: string;
}

export const inConnection = (code: number, why: string): Fault => ({ code, stream: false, why });
export const inStream = (code: number, why: string): Fault => ({ code, stream: true, why });
