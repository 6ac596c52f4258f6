import type { ErrorCode } from '../errors.ts';

export type UpstreamStatus = 408 | 502 | 503 | 504;

/** Why a backend gave no (whole) answer, with the status a client gets for it. */
export class UpstreamError extends Error {
  readonly code: ErrorCode = 'SEKISHO_ERR_BACKEND';
  /**
   * 502 where the backend is away or answers nonsense, 503 where it has no room, 504 where it is silent, 408 where it
   * waits for a client that is.
   */
  readonly status: UpstreamStatus;
  /** The client is at fault: nobody may have a backend ejected by being slow. */
  readonly byClient: boolean;
  /** There was no connection: the request has not left, or was not looked at. */
  readonly unsent: boolean;
  /** It was not looked at since its connection ends (GOAWAY of HTTP/2): another one serves it. */
  readonly drained: boolean;
  /**
   * Not a byte of an answer came on a connection that had been used before: most likely it was closing as the request
   * was written, but the request may have been acted on.
   */
  readonly retryable: boolean;

  constructor(
    status: UpstreamStatus,
    message: string,
    sent: 'unsent' | 'drained' | 'retryable' | 'sent' | 'client' = 'sent',
    cause?: unknown,
  ) {
    super(message, { cause });
    this.name = 'UpstreamError';
    this.status = status;
    this.unsent = sent === 'unsent' || sent === 'drained';
    this.drained = sent === 'drained';
    this.retryable = sent === 'retryable';
    this.byClient = sent === 'client';
  }
}
