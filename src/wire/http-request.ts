/** A request as it was on the wire. */
export interface HttpRequest {
  readonly method: string;
  /** One character per byte; over HTTP/2 the `:path`. */
  readonly target: string;
  /** `1.1`, `1.0`, `2.0`, or any other word in its place. */
  readonly version: string;
  /** name, value, name, value …, in order, duplicates included, pseudo-headers excluded. */
  readonly rawHeaders: readonly string[];
  /** HTTP/2 pseudo-headers. */
  readonly h2?: {
    readonly authority: string | null;
    readonly scheme: string;
    readonly protocol: string | null;
    /** For a malformed request, all of it as received: a request line, then `name: value` lines with the pseudo-headers. */
    readonly text?: string;
  };
  /** The name in the TLS hello, if it is foreign. @default ours, or none */
  readonly sni?: string;
  /** Why the bytes are malformed, if they are. */
  readonly defects?: readonly RequestDefect[];
}

/** A reason why bytes are not a valid request. */
export interface RequestDefect {
  readonly why: string;
  /** Offset into the bytes. */
  readonly at: number;
  /** The head is longer than allowed: the rest was not read, so a missing field means nothing. */
  readonly overflow?: boolean;
  /** A web page can make a browser send it. */
  readonly byPage?: boolean;
  /** Other servers accept it, so that the sender may mean no harm. */
  readonly elsewhereServed?: boolean;
}
