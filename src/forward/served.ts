/** The outcome of a request that was forwarded, for the access log and traces. */
import type { Judged } from '../guard/checkpoint.ts';

/**
 * `cut`: the answer broke off. `aborted`: the client left before an answer (status 499, as nginx logs it). `refused`: in the
 * middle of its body (status 400, where no answer had begun). `upgraded`: reported when the upgraded connection has ended (status 101).
 */
export type Outcome = 'answered' | 'cut' | 'aborted' | 'refused' | 'upgraded';

export interface Served {
  readonly judged: Judged;
  readonly status: number;
  readonly outcome: Outcome;
  /** Bytes of the answer's body that were written, without chunk framing. */
  readonly sent: number;
  /** When it arrived, `performance.now`. */
  readonly start: number;
  /** The backend that had it last, and when the attempt began; null: none had. */
  readonly backend: { readonly name: string; readonly start: number } | null;
}
