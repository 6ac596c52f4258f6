/**
 * The clock that windows of request limits go by. The time of day is set now and then, by NTP or by hand, and a window that jumps
 * with it gives every client its limit anew, or holds one that had its fill for as long as the clock was wrong. This one begins with the
 * time of day, and from then on counts how long it has lasted.
 */

/** Milliseconds since this machine started, the same in all its processes (clock_gettime(2), CLOCK_MONOTONIC). */
const uptime = (): number => bornAt + performance.now();
const bornAt = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** So far apart, in milliseconds, windows of several gateways may begin. */
const tolerance = 100;

export class WindowClock {
  /** The time at which the machine started, by this clock. */
  origin: number;

  /** @param origin of another process of this machine, so that their windows are the same. @default by the time of day */
  constructor(origin: number = Date.now() - uptime()) {
    this.origin = origin;
  }

  /** Milliseconds since the epoch, about. */
  readonly now = (): number => this.origin + uptime();

  /**
   * Goes by the clock of a fleet, so that a window begins at the same time on all gateways.
   *
   * @param time what the store said
   * @param took milliseconds from the question to the answer: more than that tells too little
   */
  follow(time: number, took: number): void {
    if (took > tolerance) return;
    const ahead = time + took / 2 - this.now();
    if (Math.abs(ahead) > tolerance) this.origin += ahead;
  }
}
