/** A request as it was on the wire. */
export interface HttpRequest {
  readonly method: string;
  /** One character a byte; with HTTP/2 the `:path`. */
  readonly target: string;
  /** `1.1`, `1.0`, `2.0`, or whatever stood there. */
  readonly version: string;
  /** name, value, name, value …, in order, duplicates included, pseudo-headers excluded. */
  readonly rawHeaders: readonly string[];
  /** HTTP/2 pseudo-headers. */
  readonly h2?: {
    readonly authority: string | null;
    readonly scheme: string;
    readonly protocol: string | null;
    /** Where it is malformed, all of it as it came: a request line, then `name: value` lines with the pseudo-headers. */
    readonly text?: string;
  };
  /** The name in the TLS hello, where it is none of ours. @default ours, or none */
  readonly sni?: string;
  /** What made the bytes malformed, where something did. */
  readonly defects?: readonly RequestDefect[];
}

/** Why bytes are no request that can be read. */
export interface RequestDefect {
  readonly why: string;
  /** Offset into the bytes. */
  readonly at: number;
  /** More bytes than a head may have: the rest was not read, and nothing can be told from what is missing. */
  readonly overflow?: boolean;
  /** A web page can make a browser send it. */
  readonly byPage?: boolean;
  /** Other servers take it: its sender need not have meant any harm. */
  readonly elsewhereServed?: boolean;
}
