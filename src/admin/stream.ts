/** The live feed: server-sent events to a few browsers. One that reads too slowly is let go, and comes back by itself. */
import type { ServerResponse } from 'node:http';

/** Browsers at a time. */
const clientLimit = 32;
/** Bytes that may wait for a browser. */
const backlogLimit = 1024 * 1024;
/** Milliseconds between two signs of life, so that nobody in between thinks the connection dead. */
const heartbeat = 15_000;

interface Listener {
  readonly res: ServerResponse;
  /** Whether it still may listen. */
  readonly allowed: () => boolean;
}

export class Stream {
  readonly #listeners = new Set<Listener>();
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => this.#beat(), heartbeat).unref();
  }

  get size(): number {
    return this.#listeners.size;
  }

  /** Makes a response a listener. @returns false where too many listen already; nothing was sent then */
  add(res: ServerResponse, allowed: () => boolean): boolean {
    if (this.#listeners.size >= clientLimit) return false;
    const listener = { res, allowed };
    res.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Accel-Buffering': 'no',
    });
    res.write('retry: 2000\n\n');
    this.#listeners.add(listener);
    res.on('close', () => this.#listeners.delete(listener));
    res.on('error', () => this.#listeners.delete(listener));
    return true;
  }

  /** @param event of letters only; @param data goes out as JSON, which holds no line end */
  send(event: string, data: unknown): void {
    if (this.#listeners.size === 0) return;
    this.#dismiss();
    this.#write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  close(): void {
    clearInterval(this.#timer);
    for (const { res } of this.#listeners) res.end();
    this.#listeners.clear();
  }

  #beat(): void {
    this.#dismiss();
    this.#write(': \n\n');
  }

  /** Whoever has logged out, or whose token was replaced, is shown nothing more. */
  #dismiss(): void {
    for (const listener of this.#listeners) {
      if (listener.allowed()) continue;
      this.#listeners.delete(listener);
      listener.res.end();
    }
  }

  #write(text: string): void {
    for (const listener of this.#listeners) {
      listener.res.write(text);
      if (listener.res.writableLength <= backlogLimit) continue;
      this.#listeners.delete(listener);
      listener.res.destroy();
    }
  }
}
