/** Whether a backend is fit to get requests: told by what becomes of them, and by checks. Pure; the clock is passed in. */

/** Failures in a row after which a backend is left out. */
const failuresToEject = 3;
/** Milliseconds of the first ejection; doubles with each further one. */
const firstEjection = 1000;
const longestEjection = 60_000;

export class Standing {
  #failures = 0;
  #ejections = 0;
  #ejectedUntil = 0;
  /** What the active check last settled on; true where none is configured. */
  #passing = true;

  /** @param now milliseconds */
  fit(now: number): boolean {
    return this.#passing && now >= this.#ejectedUntil;
  }

  /** When it may be tried again; in the past where it is not ejected. */
  get ejectedUntil(): number {
    return this.#ejectedUntil;
  }

  /** A request got an answer. @returns true where this ends what an ejection began */
  succeeded(): boolean {
    const back = this.#ejections > 0;
    if (this.#failures > 0 || back) {
      this.#failures = 0;
      this.#ejections = 0;
    }
    return back;
  }

  /** A request got none. @returns true where this ejects the backend */
  failed(now: number): boolean {
    this.#failures++;
    if (this.#failures < failuresToEject || now < this.#ejectedUntil) return false;
    this.#ejectedUntil = now + Math.min(firstEjection * 2 ** this.#ejections, longestEjection);
    this.#ejections++;
    // One more failure after its return is enough: it has not recovered.
    this.#failures = failuresToEject - 1;
    return true;
  }

  /** The active check has settled. */
  checked(passing: boolean): void {
    this.#passing = passing;
    if (passing) this.#ejectedUntil = 0;
  }
}
