import type { ErrorCode } from '../errors.ts';

export type UpstreamStatus = 408 | 502 | 503 | 504;

/** Why a backend gave no complete answer, with the status that the client gets. */
export class UpstreamError extends Error {
  readonly code: ErrorCode = 'SEKISHO_ERR_BACKEND';
  /**
   * 502: the backend is unreachable or its answer is malformed; 503: it has no room; 504: it is silent; 408: the client is silent.
   */
  readonly status: UpstreamStatus;
  /** The client is at fault: a slow client must not get a backend ejected. */
  readonly byClient: boolean;
  /** The request was not sent, or the backend did not process it. */
  readonly unsent: boolean;
  /** Not processed, since its HTTP/2 connection drains (GOAWAY): another connection serves it. */
  readonly drained: boolean;
  /**
   * A used connection closed before the first byte of an answer: most likely it was already closing when the request was written,
   * but the request may have been acted on.
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
