/** A reload in two steps: whatever can fail is made ready first, and what was made ready can be taken back. */
export interface Prepared {
  /** Puts it in force; what it takes the place of is ended. */
  commit(): Promise<void>;
  /** Takes back what was made ready. */
  abort(): Promise<void>;
}

/** A part of a reload. What one part replaces may be in use by another until that one is in force too, so it is ended last. */
export interface PreparedPart {
  /** Puts it in force. @returns ends what it takes the place of */
  commit(): Promise<() => Promise<void>>;
  /** Takes back what was made ready. */
  abort(): Promise<void>;
}
