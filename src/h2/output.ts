/**
 * Writes one connection: what came together in a turn of the event loop goes out together, heads and small things first as one
 * text, then bodies, a frame of each stream in turn, so that no stream waits for another's body.
 */
import type { Socket } from 'node:net';
import { maxFrame, maxWindow } from '../wire/h2-frames.ts';
import { farewell, turnBytes } from './bounds.ts';

/** A stream with a body to send. */
export interface Sender {
  /** What the peer takes on the stream. */
  sendWindow: number;
  /** It stands in the list of those who have something to send. */
  listed: boolean;
  /** Bytes that wait. */
  readonly queued: number;
  /** Puts its next frame; at most so many bytes of body. @returns how many they were */
  putFrame(most: number): number;
  /** Its last frame was a part of a piece. */
  readonly cut: boolean;
  /** It has something to send, its end included. */
  readonly hasMore: boolean;
}

/** A piece of a body that is shorter than this is copied into the text; each longer one is a write of its own. */
const copied = 4096;

export class Output {
  readonly #socket: Socket;
  readonly #onSent: (bytes: number, whole: boolean) => void;
  /** Texts and bodies in order; the last text is still open. */
  #parts: (string | Buffer)[] = [];
  #text = '';
  #ready: Sender[] = [];
  #scheduled = false;
  /** What the peer takes on the connection. */
  #window = 65_535;
  /** The socket takes nothing more for now. */
  blocked = false;
  #ending = false;

  /** @param onSent told of bytes of bodies, and whether these were a piece as it was given */
  constructor(socket: Socket, onSent: (bytes: number, whole: boolean) => void) {
    this.#socket = socket;
    this.#onSent = onSent;
    socket.on('drain', this.#onDrain);
  }

  /** What waits, besides bodies. */
  get unwritten(): number {
    return this.#text.length + this.#socket.writableLength;
  }

  get window(): number {
    return this.#window;
  }

  /** The peer takes more on the connection. @returns false where that is more than it may say */
  widen(increment: number): boolean {
    this.#window += increment;
    if (this.#ready.length > 0) this.#schedule();
    return this.#window <= maxWindow;
  }

  /** Frames that go out in this turn, in order. */
  put(text: string): void {
    this.#text += text;
    this.#schedule();
  }

  /** The same from within `putFrame`, which is called for what goes out now. */
  add(text: string): void {
    this.#text += text;
  }

  /** A piece of a body, behind the head of its frame; from within `putFrame`. */
  addBody(head: string, body: Buffer): void {
    if (body.length < copied) this.#text += head + body.toString('latin1');
    else {
      this.#parts.push(this.#text + head, body);
      this.#text = '';
    }
  }

  /** A body that goes out at once: its windows allow it. */
  sentAtOnce(bytes: number): void {
    this.#window -= bytes;
    this.#onSent(bytes, true);
  }

  want(stream: Sender): void {
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

  /** Ends the connection once all that was put is written; bodies that wait are not. */
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

  /** Writes what there is. */
  readonly flush = (): void => {
    this.#scheduled = false;
    if (this.blocked || this.#socket.destroyed) return;
    this.#putBodies();
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

  /** Whether the peer closes too is not waited for. */
  readonly #onWritten = (): void => {
    setTimeout(() => this.#socket.destroy(), farewell).unref();
  };

  #putBodies(): void {
    let left = turnBytes;
    /** Those that wait for the window of the connection. */
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
