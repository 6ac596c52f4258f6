/** Whether a backend is healthy, from the outcome of requests and from active checks. Pure; the clock is passed in. */

/** Failures in a row after which a backend is ejected. */
const failuresToEject = 3;
/** Milliseconds of the first ejection; each further one lasts twice as long. */
const firstEjection = 1000;
const longestEjection = 60_000;

/**
 * The state shown to operators: `unknown` before the first request; `healthy` or `failing` by the last one, where no answer and a
 * status above 499 count as failing; `ejected` while it gets no requests.
 */
export type HealthState = 'unknown' | 'healthy' | 'failing' | 'ejected';

/** Thresholds of the active check. */
export interface Settling {
  /** Passed checks in a row until an ejected backend gets requests again. */
  readonly rise: number;
  /** Failed checks in a row until a backend is ejected. */
  readonly fall: number;
}

export class BackendHealth {
  #failures = 0;
  #ejections = 0;
  #ejectedUntil = 0;
  /** The verdict of the active check; true where none is configured. */
  #passing = true;
  /** Checks in a row that contradict it. */
  #against = 0;
  /** Whether the last request or check succeeded; null before the first. */
  #lastGood: boolean | null = null;

  /** @param now milliseconds */
  ejected(now: number): boolean {
    return !this.#passing || now < this.#ejectedUntil;
  }

  /** When the ejection ends; in the past where it is not ejected. */
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
   * A request got an answer. A status above 499 does not eject: a client can craft a request that every backend answers with 500.
   *
   * @returns true where a backend that had been ejected is back
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

  /** A request got no answer. @returns true where this ejects the backend */
  failed(now: number): boolean {
    this.#lastGood = false;
    this.#failures++;
    if (this.#failures < failuresToEject || now < this.#ejectedUntil) return false;
    this.#ejectedUntil = now + Math.min(firstEjection * 2 ** this.#ejections, longestEjection);
    this.#ejections++;
    // After its return a single failure ejects it again: it has not recovered.
    this.#failures = failuresToEject - 1;
    return true;
  }

  /** The active check has a result. @returns true where this changes its verdict */
  checked(passed: boolean, { rise, fall }: Settling): boolean {
    this.#lastGood = passed;
    this.#against = passed === this.#passing ? 0 : this.#against + 1;
    if (this.#against < (passed ? rise : fall)) return false;
    this.#against = 0;
    this.#passing = passed;
    if (passed) this.#ejectedUntil = 0;
    return true;
  }

  /** A reload removed the check: its last verdict must not hold for ever. */
  unchecked(): void {
    this.#passing = true;
    this.#against = 0;
  }
}
