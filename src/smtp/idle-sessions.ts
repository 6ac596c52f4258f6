/**
 * Idle sessions with mail servers, kept briefly for the next client. Opening and closing a session for each message costs both ends
 * more than the message.
 */
import type { HostPort, Upstream } from './upstream.ts';

/** Idle sessions with one mail server: each holds a Postfix process. Beyond that the oldest is ended. */
const mostPerServer = 20;
/** Idle timeout: milliseconds a session stays idle before it is ended. A mail server waits for minutes. */
const idleTime = 2000;
/** Clients one session serves: servers limit the commands and messages of a session. */
const clientsPerSession = 100;

interface Idle {
  readonly upstream: Upstream;
  readonly since: number;
}

export class IdleSessions {
  /** Oldest first. Keyed by configured mail server, so the config bounds it. */
  readonly #byServer = new Map<HostPort, Idle[]>();
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  /**
   * The most recently used idle session, which its mail server may have closed; null if there is none.
   *
   * @param identity the client as announced to the mail server, as in `Upstream.identity`
   */
  take(server: HostPort, identity: string): Upstream | null {
    const idle = this.#byServer.get(server) ?? [];
    const at = idle.findLastIndex(({ upstream }) => upstream.identity === identity);
    return at === -1 ? null : idle.splice(at, 1)[0]!.upstream;
  }

  /** Keeps a session, or ends it if it can't be kept. */
  put(upstream: Upstream): void {
    upstream.clients++;
    const idle = this.#byServer.get(upstream.target) ?? [];
    this.#byServer.set(upstream.target, idle);
    const worn = !upstream.isSpotless || upstream.clients >= clientsPerSession;
    if (worn || this.#closed) {
      upstream.quit();
      return;
    }
    // The newest is the likeliest to be wanted.
    if (idle.length >= mostPerServer) idle.shift()!.upstream.quit();
    idle.push({ upstream, since: performance.now() });
    this.#timer ??= setTimeout(() => this.#sweep(), idleTime);
  }

  /** Ends all idle sessions, and every session put here later. */
  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const idle of this.#byServer.values()) for (const { upstream } of idle.splice(0)) upstream.quit();
  }

  #sweep(): void {
    const before = performance.now() - idleTime;
    let left = 0;
    for (const idle of this.#byServer.values()) {
      const fresh = idle.findIndex(({ since }) => since > before);
      for (const { upstream } of idle.splice(0, fresh === -1 ? idle.length : fresh)) upstream.quit();
      left += idle.length;
    }
    this.#timer = left > 0 ? setTimeout(() => this.#sweep(), idleTime / 2) : null;
  }
}
