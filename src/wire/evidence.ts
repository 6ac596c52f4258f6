/** The place in a message where a rule was seen. */
export interface Evidence {
  /** The part of the message; `bytes` if there are no parts: offsets into the raw bytes. */
  readonly part: 'method' | 'target' | 'version' | 'header' | 'body' | 'bytes';
  /** With part `header`: the index of the name in `rawHeaders` (even). */
  readonly header?: number;
  /** First offset within the part (for a header: within its value). */
  readonly start: number;
  /** Offset after the last byte. */
  readonly end: number;
}
