/** Reads what a refused sender still sends, bounded in bytes and time. */
import type { Readable } from 'node:stream';
import { evidenceLimit } from '../events/probe-event.ts';

/** Milliseconds a refused sender may go on sending before it is cut off. */
export const evidenceTime = 1000;

/** Bytes read and discarded, at most, so that the sender can read its answer. */
const discardLimit = 256 * 1024;

/**
 * Collects up to `evidenceLimit` bytes and calls back once: at the end, after `discardLimit`, or when the time is up. The bytes in
 * between are discarded, since closing with unread bytes would reset the connection under the answer. The verdict never waits.
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
