/** The live feed: server-sent events to a few browsers. One that reads too slowly is disconnected; browsers reconnect on their own. */
import type { ServerResponse } from 'node:http';

/** Concurrent browsers. */
const clientLimit = 32;
/** Bytes buffered for one browser. */
const backlogLimit = 1024 * 1024;
/** Milliseconds between two comments, so that no proxy in between times the connection out. */
const heartbeat = 15_000;

interface Listener {
  readonly res: ServerResponse;
  /** Whether its session or token is still valid. */
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

  /** Turns a response into a listener. @returns false if there are too many already; nothing has been sent then */
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

  /** @param event letters only @param data sent as JSON, which contains no line break */
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

  /** Ends the feeds of browsers that have logged out or whose token was replaced. */
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
