/** Where in a message something was seen, so that it can be pointed at. */
export interface Evidence {
  /** The part of the message. `bytes`: an offset into the raw bytes, where no part could be told. */
  readonly part: 'method' | 'target' | 'version' | 'header' | 'body' | 'bytes';
  /** With part `header`: the index of the name in `rawHeaders` (even). */
  readonly header?: number;
  /** First offset within the part (for a header: within its value). */
  readonly start: number;
  /** Offset after the last one. */
  readonly end: number;
}
