/** Reads what a refused sender still has to say, bounded in bytes and in time. */
import type { Readable } from 'node:stream';
import { evidenceLimit } from '../events/probe-event.ts';

/** How long a refused sender may go on sending before it is cut off, in milliseconds. */
export const evidenceTime = 1000;

/** The most that is read and thrown away so that the sender gets to read its answer, in bytes. */
const discardLimit = 256 * 1024;

/**
 * Collects up to `evidenceLimit` bytes and calls back once: at the end, after the limit (what follows is discarded, so
 * that a close does not reset the connection under the answer), or when the time is up. The verdict never waits for it.
 */
export function collectEvidence(stream: Readable, done: (body: string) => void): void {
  const kept: Buffer[] = [];
  let size = 0;
  let finished = false;
  const finish = () => {
    if (finished) return;
    finished = true;
    clearTimeout(timer);
    stream.off('data', onData);
    done(Buffer.concat(kept).toString('latin1', 0, evidenceLimit));
  };
  const onData = (chunk: Buffer) => {
    if (size < evidenceLimit) kept.push(chunk);
    size += chunk.length;
    if (size > discardLimit) finish();
  };
  const timer = setTimeout(finish, evidenceTime);
  stream.on('data', onData);
  stream.once('end', finish);
  stream.once('close', finish);
  stream.once('error', finish);
  if (stream.destroyed) finish();
}
