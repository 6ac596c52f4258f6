/** Streams a message from the client to the mail server, at the pace of the slower one, and finds its end. */
import type { ClientChannel } from './client-channel.ts';
import type { Scanner } from './data-scanner.ts';
import type { Upstream } from './upstream.ts';

export type TransferEnd =
  /** All of it, terminator included, is with the mail server, whose answer is yet to come. */
  | 'sent'
  /** A CR or LF stood alone; the mail server has not seen the end. */
  | 'bare-newline'
  | 'too-big'
  /** The client is gone or too slow; there is nobody to answer. */
  | 'client-gone'
  | 'client-slow'
  /**
   * The mail server went away in the middle, or refused what it had seen so far, which is then its `unasked`. The client has
   * sent its message to the end all the same.
   */
  | 'upstream-lost'
  /** The mail server takes nothing more; the client is still in the middle of its message. */
  | 'upstream-hangs';

export interface Transferred {
  readonly end: TransferEnd;
  /** Octets that came, terminator included. */
  readonly size: number;
}

export interface TransferOptions {
  readonly client: ClientChannel;
  readonly upstream: Upstream;
  readonly scanner: Scanner;
  /** Goes before the message, one character a byte. */
  readonly before: string;
  /** Octets, or null. */
  readonly largest: number | null;
  /** Milliseconds for each further KiB. */
  readonly timeout: number;
}

/** Progress that counts: less of it in a whole `timeout` is a client that holds a connection open, not mail. */
const step = 1024;

/** Settles when the end of the message has come, or cannot come any more. Never rejects. */
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
    // Reading goes on whether or not the mail server has drained: the end has come, nothing more waits for it.
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
    // No terminator: the mail server throws away what it has.
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
    // An answer before the end is none to the message: of what is not finished nothing was accepted.
    if (trouble === null && upstream.unasked !== null) abandon('upstream-lost');
    if (trouble === null && bare) abandon('bare-newline');
    else if (trouble === null && largest !== null && size > largest) abandon('too-big');
    if (trouble === null && pass.length > 0 && !send(pass)) full = true;
    if (ended) size -= rest.length;
    if (ended) finish(trouble ?? 'sent', rest);
    else if (full) client.pause();
  });
  return promise;
}
