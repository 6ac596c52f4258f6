/**
 * The clock of rate-limit windows. NTP and operators set the time of day; a window that jumps with it would give every client a new
 * limit, or block a limited one for as long as the clock was wrong. This clock starts at the time of day and is monotonic from then on.
 */

/** Milliseconds since this machine started, the same in all its processes (clock_gettime(2), CLOCK_MONOTONIC). */
const uptime = (): number => bornAt + performance.now();
const bornAt = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** How far apart windows of several gateways may begin, in milliseconds. */
const tolerance = 100;

export class WindowClock {
  /** When the machine started, by this clock. */
  origin: number;

  /** @param origin of another process on this machine, so that their windows agree. @default from the time of day */
  constructor(origin: number = Date.now() - uptime()) {
    this.origin = origin;
  }

  /** Milliseconds since the epoch, approximately. */
  readonly now = (): number => this.origin + uptime();

  /**
   * Follows the clock of a fleet, so that windows begin at the same time on all gateways.
   *
   * @param time of the store
   * @param took round-trip time in milliseconds; above `tolerance` the answer is ignored
   */
  follow(time: number, took: number): void {
    if (took > tolerance) return;
    const ahead = time + took / 2 - this.now();
    if (Math.abs(ahead) > tolerance) this.origin += ahead;
  }
}
