/** A connection without a network and without timers, so that everything a call starts ends with it. */
import { EventEmitter } from 'node:events';

/** The parts of a socket that are used; a real one defers work. */
export class FakeSocket extends EventEmitter {
  readonly written: Buffer[] = [];
  readonly remoteAddress = '192.0.2.7';
  readonly localAddress = '192.0.2.1';
  readonly localPort = 443;
  readonly encrypted = true;
  readonly writableLength = 0;
  readonly writableNeedDrain = false;
  destroyed = false;
  write(data: Buffer | string): boolean {
    this.written.push(typeof data === 'string' ? Buffer.from(data, 'latin1') : data);
    return true;
  }
  cork(): void {}
  uncork(): void {}
  end(): void {}
  pause(): void {}
  resume(): void {}
  isPaused(): boolean {
    return false;
  }
  destroy(): void {
    this.destroyed = true;
  }
}

/** Runs callbacks at once, so that a run ends with its call. */
export function withoutClock(run: () => string): string {
  const { setImmediate, setTimeout } = globalThis;
  const never = (() => ({ unref: () => {} })) as never;
  Object.assign(globalThis, { setImmediate: never, setTimeout: never });
  try {
    return run();
  } finally {
    Object.assign(globalThis, { setImmediate, setTimeout });
  }
}
