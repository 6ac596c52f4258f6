/**
 * Sessions with mail servers that a client has left as good as new, kept for the next client for a moment. A session that
 * is opened and closed for each message costs more, at both ends, than the message.
 */
import type { HostPort, Upstream } from './upstream.ts';

/** Sessions with one mail server that rest at a time: each of them is a process of Postfix. Further ones are ended. */
const mostPerServer = 20;
/** Milliseconds that one rests; then it is ended. A mail server waits for minutes. */
const restTime = 2000;
/** Clients that one session serves: servers have bounds of their own on how much of it they take. */
const clientsPerSession = 100;

interface Rested {
  readonly upstream: Upstream;
  readonly since: number;
}

export class Resting {
  /** Oldest first. A key for each mail server that was ever dialled, so the config bounds it. */
  readonly #byServer = new Map<HostPort, Rested[]>();
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  /** The one that has rested shortest, which its mail server may have ended meanwhile; null where there is none. */
  take(server: HostPort): Upstream | null {
    return this.#byServer.get(server)?.pop()?.upstream ?? null;
  }

  /** Keeps a session, or ends it where it can't be kept. */
  put(upstream: Upstream): void {
    upstream.clients++;
    const rested = this.#byServer.get(upstream.target) ?? [];
    this.#byServer.set(upstream.target, rested);
    const worn = !upstream.isSpotless || upstream.clients >= clientsPerSession;
    if (worn || this.#closed || rested.length >= mostPerServer) {
      upstream.quit();
      return;
    }
    rested.push({ upstream, since: performance.now() });
    this.#timer ??= setTimeout(() => this.#sweep(), restTime);
  }

  /** Ends all that rest; what is put here from now on is ended, too. */
  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const rested of this.#byServer.values())
      for (const { upstream } of rested.splice(0)) upstream.quit();
  }

  #sweep(): void {
    const before = performance.now() - restTime;
    let left = 0;
    for (const rested of this.#byServer.values()) {
      const young = rested.findIndex(({ since }) => since > before);
      for (const { upstream } of rested.splice(0, young === -1 ? rested.length : young)) upstream.quit();
      left += rested.length;
    }
    this.#timer = left > 0 ? setTimeout(() => this.#sweep(), restTime / 2) : null;
  }
}
