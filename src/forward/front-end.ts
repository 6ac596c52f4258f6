/** What the front ends of HTTP/1 and HTTP/2 are told alike. */

/** An answer of the gateway itself. */
export interface OwnAnswer {
  readonly status: number;
  readonly reason: string;
  /** name, value, name, value …; framed by a Content-Length. */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** Bounds on what a client may do, times in milliseconds. */
export interface ClientLimits {
  /** Bytes of a request head. */
  readonly headerBytes: number;
  /** For a request head to come. */
  readonly head: number;
  /** That a connection may wait for its next request. */
  readonly idle: number;
  /** That a body, or the reading of an answer, may stand still. */
  readonly stall: number;
  /** Bytes a second that a body has to come with. */
  readonly minRate: number;
  /** Bytes of a body that are taken from the client before a connection to a backend is. */
  readonly bufferedBody: number;
  /** That an upgraded connection may be silent both ways. */
  readonly upgradeIdle: number;
}
