/** A progress bar for terminals, with rate and remaining time. */
import type { Progress } from './scan-logs.ts';

const width = 30;
/** Milliseconds between two updates. */
const pause = 100;

export class ProgressBar {
  readonly #out: NodeJS.WriteStream;
  readonly #start = performance.now();
  #drawn = 0;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  draw = ({ done, total }: Progress): void => {
    const now = performance.now();
    if (now - this.#drawn < pause) return;
    this.#drawn = now;
    const seconds = (now - this.#start) / 1000;
    this.#out.write(`\r${progressLine(done, total, seconds)}\x1b[K`);
  };

  clear(): void {
    if (this.#drawn > 0) this.#out.write('\r\x1b[K');
  }
}

/** @param total 0 if unknown */
function progressLine(done: number, total: number, seconds: number): string {
  const rate = seconds > 0 ? done / seconds : 0;
  const speed = `${(rate / 1e6).toFixed(0)} MB/s`;
  if (total === 0) return `${(done / 1e6).toFixed(0)} MB  ${speed}`;
  const part = Math.min(1, done / total);
  const full = Math.round(part * width);
  const left = rate > 0 ? Math.ceil((total - done) / rate) : 0;
  const eta = left >= 60 ? `${Math.floor(left / 60)}m${String(left % 60).padStart(2, '0')}s` : `${left}s`;
  return `[${'█'.repeat(full)}${'·'.repeat(width - full)}] ${(part * 100).toFixed(0).padStart(3)} %  ${speed}  ${eta} left`;
}
