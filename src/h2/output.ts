/**
 * The write side of a connection. Writes made in one event-loop turn are coalesced: heads and small frames first as one string, then
 * bodies, one frame of each stream in turn, so that no stream waits for the body of another. The owner may flush earlier.
 */
import type { Socket } from 'node:net';
import { maxFrame, maxWindow } from '../wire/h2-frames.ts';
import { farewell, turnBytes } from './bounds.ts';

/** A stream with a body to send. */
export interface Sender {
  /** Send window of the stream. */
  sendWindow: number;
  /** It is in the queue of senders. */
  listed: boolean;
  /** Bytes that wait. */
  readonly queued: number;
  /** Writes its next frame, with at most `most` bytes of body. @returns how many */
  putFrame(most: number): number;
  /** Its last frame was only part of a piece. */
  readonly cut: boolean;
  /** It has more to send, its end included. */
  readonly hasMore: boolean;
}

/** Shorter pieces of a body are copied into the string; longer ones are written separately. */
const copied = 4096;

export class Output {
  readonly #socket: Socket;
  readonly #onSent: (bytes: number, whole: boolean) => void;
  /** Strings and bodies in order, before `#text`. */
  #parts: (string | Buffer)[] = [];
  #text = '';
  #ready: Sender[] = [];
  #scheduled = false;
  /** Inside `#putBodies`: a stream that ends there must not flush again. */
  #flushing = false;
  /** Send window of the connection. */
  #window = 65_535;
  /** The socket's buffer is full. */
  blocked = false;
  #ending = false;

  /** @param onSent called with bytes of bodies, and whether they were an unsplit piece */
  constructor(socket: Socket, onSent: (bytes: number, whole: boolean) => void) {
    this.#socket = socket;
    this.#onSent = onSent;
    socket.on('drain', this.#onDrain);
  }

  /** Unwritten bytes, without bodies that wait for a window. */
  get unwritten(): number {
    return this.#text.length + this.#socket.writableLength;
  }

  get window(): number {
    return this.#window;
  }

  /** The peer enlarges the send window of the connection. @returns false where that exceeds 2^31-1 */
  widen(increment: number): boolean {
    this.#window += increment;
    if (this.#ready.length > 0) this.#schedule();
    return this.#window <= maxWindow;
  }

  /** Writes frames in this event-loop turn, in order. */
  put(text: string): void {
    this.#text += text;
    this.#schedule();
  }

  /** As `put`, for calls within `putFrame`, when a flush is already under way. */
  add(text: string): void {
    this.#text += text;
  }

  /** A piece of a body after its frame head, for calls within `putFrame`. */
  addBody(head: string, body: Buffer): void {
    if (body.length < copied) this.#text += head + body.toString('latin1');
    else {
      this.#parts.push(this.#text + head, body);
      this.#text = '';
    }
  }

  /** Accounts for a body that was `put` at once, since the windows allow it. */
  sentAtOnce(bytes: number): void {
    this.#window -= bytes;
    this.#onSent(bytes, true);
  }

  enqueue(stream: Sender): void {
    if (!stream.listed) {
      stream.listed = true;
      this.#ready.push(stream);
    }
    this.#schedule();
  }

  drop(stream: Sender): void {
    if (!stream.listed) return;
    stream.listed = false;
    this.#ready.splice(this.#ready.indexOf(stream), 1);
  }

  /** Ends the connection once everything that was `put` is written; waiting bodies are dropped. */
  end(): void {
    this.#ending = true;
    this.#ready = [];
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.blocked) return;
    this.#scheduled = true;
    setImmediate(this.flush);
  }

  /** Writes everything. */
  readonly flush = (): void => {
    this.#scheduled = false;
    if (this.blocked || this.#flushing || this.#socket.destroyed) return;
    this.#flushing = true;
    this.#putBodies();
    this.#flushing = false;
    const parts = this.#parts;
    const text = this.#text;
    this.#text = '';
    if (parts.length === 0) {
      if (text !== '') this.#socket.write(text, 'latin1');
    } else {
      this.#parts = [];
      this.#socket.cork();
      for (const part of parts) this.#socket.write(part as string, 'latin1');
      if (text !== '') this.#socket.write(text, 'latin1');
      this.#socket.uncork();
    }
    this.blocked = this.#socket.writableNeedDrain;
    if (this.#ready.length > 0 && this.#window > 0) this.#schedule();
    else if (this.#ending) {
      this.#ending = false;
      this.#socket.end(this.#onWritten);
    }
  };

  /** Does not wait for the peer to close its side. */
  readonly #onWritten = (): void => {
    setTimeout(() => this.#socket.destroy(), farewell).unref();
  };

  #putBodies(): void {
    let left = turnBytes;
    /** Streams that wait for the window of the connection. */
    const waiting: Sender[] = [];
    while (this.#ready.length > 0 && left > 0) {
      const stream = this.#ready.shift()!;
      if (stream.queued > 0) {
        if (this.#window <= 0) {
          waiting.push(stream);
          continue;
        }
        if (stream.sendWindow <= 0) {
          stream.listed = false;
          continue;
        }
      }
      const bytes = stream.putFrame(Math.min(maxFrame, stream.sendWindow, this.#window));
      this.#window -= bytes;
      left -= bytes;
      if (bytes > 0) this.#onSent(bytes, !stream.cut);
      if (stream.hasMore) this.#ready.push(stream);
      else stream.listed = false;
    }
    if (waiting.length > 0) this.#ready = [...waiting, ...this.#ready];
  }

  readonly #onDrain = (): void => {
    this.blocked = false;
    this.flush();
  };
}
