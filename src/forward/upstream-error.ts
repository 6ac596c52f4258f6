/** Why a backend gave no (whole) answer, with the status a client gets for it. */
export class UpstreamError extends Error {
  /** 502 where the backend is away or answers nonsense, 503 where it has no room, 504 where it is silent. */
  readonly status: 502 | 503 | 504;
  /** Nothing of the request can have been acted on, or nothing of an answer came on a connection used before. */
  readonly retryable: boolean;

  constructor(status: 502 | 503 | 504, message: string, retryable = false, cause?: unknown) {
    super(message, { cause });
    this.name = 'UpstreamError';
    this.status = status;
    this.retryable = retryable;
  }
}
