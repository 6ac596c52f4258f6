/** Whether a backend is healthy: told by what becomes of requests, and by checks. Pure; the clock is passed in. */

/** Failures in a row after which a backend is ejected. */
const failuresToEject = 3;
/** Milliseconds of the first ejection; doubles with each further one. */
const firstEjection = 1000;
const longestEjection = 60_000;

/**
 * What is shown of a backend: `unknown` before anybody has asked it; `healthy` or `failing` by its last answer, where none and
 * one above 499 are failures; `ejected` while it gets no requests.
 */
export type HealthState = 'unknown' | 'healthy' | 'failing' | 'ejected';

export interface Settling {
  /** Good results of checks in a row until a backend gets requests again. */
  readonly rise: number;
  /** Bad ones in a row until it is ejected. */
  readonly fall: number;
}

export class BackendHealth {
  #failures = 0;
  #ejections = 0;
  #ejectedUntil = 0;
  /** What the active check last settled on; true where none is configured. */
  #passing = true;
  /** Results of checks in a row that speak against that. */
  #against = 0;
  /** Whether the last answer was a good one; null before the first. */
  #lastGood: boolean | null = null;

  /** @param now milliseconds */
  ejected(now: number): boolean {
    return !this.#passing || now < this.#ejectedUntil;
  }

  /** When it may be tried again; in the past where it is not ejected. */
  get ejectedUntil(): number {
    return this.#ejectedUntil;
  }

  /** @param now milliseconds */
  state(now: number): HealthState {
    if (this.ejected(now)) return 'ejected';
    if (this.#lastGood === null) return 'unknown';
    return this.#lastGood ? 'healthy' : 'failing';
  }

  /**
   * A request got an answer. One above 499 does not eject: a request can be made that every backend fails at.
   *
   * @returns true where this ends what an ejection began
   */
  succeeded(status: number): boolean {
    const back = this.#ejections > 0;
    this.#lastGood = status < 500;
    if (this.#failures > 0 || back) {
      this.#failures = 0;
      this.#ejections = 0;
    }
    return back;
  }

  /** A request got none. @returns true where this ejects the backend */
  failed(now: number): boolean {
    this.#lastGood = false;
    this.#failures++;
    if (this.#failures < failuresToEject || now < this.#ejectedUntil) return false;
    this.#ejectedUntil = now + Math.min(firstEjection * 2 ** this.#ejections, longestEjection);
    this.#ejections++;
    // One more failure after its return is enough: it has not recovered.
    this.#failures = failuresToEject - 1;
    return true;
  }

  /** The active check has a result. @returns true where it settles on another state by that */
  checked(passed: boolean, { rise, fall }: Settling): boolean {
    this.#lastGood = passed;
    this.#against = passed === this.#passing ? 0 : this.#against + 1;
    if (this.#against < (passed ? rise : fall)) return false;
    this.#against = 0;
    this.#passing = passed;
    if (passed) this.#ejectedUntil = 0;
    return true;
  }

  /** No check is configured any more: what one said last holds for ever otherwise. */
  unchecked(): void {
    this.#passing = true;
    this.#against = 0;
  }
}
