/** Options that the front ends of HTTP/1 and HTTP/2 share. */

/** An answer of the gateway itself. */
export interface OwnAnswer {
  readonly status: number;
  readonly reason: string;
  /** name, value, name, value …; framed by a Content-Length. */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** Limits on clients; times in milliseconds. */
export interface ClientLimits {
  /** Size of a request head, in bytes. */
  readonly headerBytes: number;
  /** For a request head to arrive. */
  readonly head: number;
  /** A connection may wait for its next request. */
  readonly idle: number;
  /** The body, or the client's reading of the answer, may stall. */
  readonly stall: number;
  /** Lowest rate of a request body, in bytes per second. */
  readonly minRate: number;
  /** Bytes of a body that are buffered before a connection to a backend is taken. */
  readonly bufferedBody: number;
  /** An upgraded connection may be silent both ways. */
  readonly upgradeIdle: number;
}
