/** Streams a message from the client to the mail server with back-pressure, up to its end. */
import type { ClientChannel } from './client-channel.ts';
import type { Scanner } from './data-scanner.ts';
import type { Upstream } from './upstream.ts';

export type TransferEnd =
  /** All of it, terminator included, was sent to the mail server, which has yet to answer. */
  | 'sent'
  /** The message had a bare CR or LF; the mail server has not seen its end. */
  | 'bare-newline'
  | 'too-big'
  /** The client left or is too slow; no reply can reach it. */
  | 'client-gone'
  | 'client-slow'
  /**
   * The mail server closed in mid-message, or sent a reply, kept as its `unasked`. The client has sent its message to the end all the
   * same.
   */
  | 'upstream-lost'
  /** The mail server stopped reading in mid-message. */
  | 'upstream-hangs';

export interface Transferred {
  readonly end: TransferEnd;
  /** Octets received, terminator included. */
  readonly size: number;
}

export interface TransferOptions {
  readonly client: ClientChannel;
  readonly upstream: Upstream;
  readonly scanner: Scanner;
  /** Sent before the message, one character a byte. */
  readonly before: string;
  /** Limit in octets; null: none. */
  readonly largest: number | null;
  /** Milliseconds for each KiB. */
  readonly timeout: number;
}

/** Octets that count as progress: a client that sends less in a whole `timeout` is holding the connection open. */
const step = 1024;

/** Length of the dot line that ends a message and is no part of its size (RFC 1870 section 3). */
const terminator = 3;

/** Settles once the end of the message has come, or can't come any more. Never rejects. */
export function transfer({
  client,
  upstream,
  scanner,
  before,
  largest,
  timeout,
}: TransferOptions): Promise<Transferred> {
  const { promise, resolve } = Promise.withResolvers<Transferred>();
  let trouble: 'bare-newline' | 'too-big' | 'upstream-lost' | null = null;
  let size = 0;
  let counted = 0;
  let full = false;
  let over = false;

  const finish = (end: TransferEnd, unused: Buffer = Buffer.alloc(0)): void => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    upstream.socket.off('drain', onDrain);
    upstream.onLost = null;
    client.onGone = null;
    // Resumes reading even if the mail server has not drained: the message is over.
    client.restore(unused);
    resolve({ end, size });
  };
  const timer = setTimeout(() => {
    finish(full ? 'upstream-hangs' : 'client-slow');
    upstream.drop();
  }, timeout);
  const onDrain = (): void => {
    full = false;
    timer.refresh();
    client.resume();
  };
  const abandon = (why: NonNullable<typeof trouble>): void => {
    trouble ??= why;
    if (full) onDrain();
    // Without a terminator the mail server discards what it has.
    upstream.drop();
  };

  let head = before;
  const send = (bytes: Buffer): boolean => {
    if (head === '') return upstream.socket.write(bytes);
    upstream.socket.cork();
    upstream.socket.write(head, 'latin1');
    head = '';
    const room = upstream.socket.write(bytes);
    upstream.socket.uncork();
    return room;
  };

  client.onGone = () => {
    upstream.drop();
    finish('client-gone');
  };
  upstream.onLost = () => abandon('upstream-lost');
  upstream.socket.on('drain', onDrain);
  client.divert((chunk) => {
    size += chunk.length;
    if (size - counted >= step) {
      counted = size;
      timer.refresh();
    }
    const { pass, ended, rest, bare } = scanner.push(chunk);
    // A reply before the end is not the reply to the message: nothing was accepted.
    if (trouble === null && upstream.unasked !== null) abandon('upstream-lost');
    if (trouble === null && bare) abandon('bare-newline');
    size -= rest.length;
    // Before the end the last three octets may be the terminator's.
    if (trouble === null && largest !== null && size - terminator > largest) abandon('too-big');
    if (trouble === null && pass.length > 0 && !send(pass)) full = true;
    if (ended) finish(trouble ?? 'sent', rest);
    else if (full) client.pause();
  });
  return promise;
}
