/** What became of a request that was let pass, once it is over: for the access log and for traces. */
import type { Judged } from '../guard/checkpoint.ts';

/**
 * Answered whole; cut, where the answer broke off; aborted, where the client left before an answer (status 499, as nginx
 * has it); refused in the middle of its body; or upgraded, once that is over (status 101).
 */
export type Outcome = 'answered' | 'cut' | 'aborted' | 'refused' | 'upgraded';

export interface Served {
  readonly judged: Judged;
  readonly status: number;
  readonly outcome: Outcome;
  /** Bytes of the body of the answer that were handed on, without chunk sizes. */
  readonly sent: number;
  /** When it came, `performance.now`. */
  readonly start: number;
  /** The backend that had it last, and since when; null where none had. */
  readonly backend: { readonly name: string; readonly start: number } | null;
}
