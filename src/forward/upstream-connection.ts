/** One HTTP/1.1 connection to a backend, carrying one exchange at a time. */
import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { ChunkedDecoder, wholeChunked } from '../wire/chunked.ts';
import { contentless } from '../wire/methods.ts';
import { parseResponseHead, type ResponseHead } from '../wire/response-head.ts';
import { type BackendAddress, backendName, dial } from './backend.ts';
import { asksForLogin } from './connection-login.ts';
import { ReadMemory } from './read-memory.ts';
import { piecePassed } from './scavenge.ts';
import { UpstreamError } from './upstream-error.ts';

/** Takes the response of one exchange. */
export interface ResponseSink {
  /** The connection of the client; null: nobody's. */
  readonly client: EventEmitter | null;
  /** The head is on its way over an established connection: a body may follow. Called once, maybe within `send`. */
  onReady(): void;
  /** A 1xx before the response proper. */
  onInformation(head: ResponseHead): void;
  /**
   * The head. Where the whole body came along with it, `whole` is that body (latin1) and `onEnd` is not called: what fits
   * one packet is then answered in one write, of a text, which is joined to the head more cheaply than bytes are.
   */
  onHead(head: ResponseHead, whole: string | null): void;
  onData(data: Buffer): void;
  /** @param trailers name, value, name, value … */
  onEnd(trailers: readonly string[]): void;
  /** Nothing comes after this. */
  onFailure(error: UpstreamError): void;
  /** The backend takes more of the request body. */
  onDrain(): void;
}

/** Limits in milliseconds. */
export interface UpstreamTimeouts {
  readonly connect: number;
  /** From the request sent to the head of the response. */
  readonly headers: number;
  /** Between two pieces of the response body. */
  readonly body: number;
}

/** Milliseconds, moved on by the pool a few times a second. */
export interface Clock {
  readonly now: number;
}

type Phase = 'connecting' | 'idle' | 'head' | 'body' | 'closed';

/** A head larger than this is not one. */
const maxHead = 64 * 1024;
const headEnd = '\r\n\r\n';

export class UpstreamConnection {
  readonly #address: BackendAddress;
  readonly #socket: Socket;
  readonly #timeouts: UpstreamTimeouts;
  readonly #clock: Clock;
  readonly #memory: ReadMemory;
  /** Called when it may carry another exchange, or when it is gone. */
  readonly #onFree: (connection: UpstreamConnection, usable: boolean) => void;
  #phase: Phase = 'connecting';
  #sink: ResponseSink | null = null;
  #method = '';
  #requestEnded = true;
  /** The beginning of a head. */
  #partial: Buffer | null = null;
  #head: ResponseHead | null = null;
  #left = 0;
  #decoder: ChunkedDecoder | null = null;
  #paused = false;
  /** It carries no exchange after this one. */
  #last = false;
  /** Exchanges carried before this one: a failure without a byte on a used connection is the backend's idle close. */
  #carried = 0;
  /** When the present phase has lasted too long. */
  #deadline: number;
  /** Since when it is idle, on the clock. */
  idleSince = 0;
  /** The connection of the client that logs in on this one. */
  #owner: EventEmitter | null = null;

  constructor(
    address: BackendAddress,
    timeouts: UpstreamTimeouts,
    clock: Clock,
    onFree: (connection: UpstreamConnection, usable: boolean) => void,
  ) {
    this.#address = address;
    this.#timeouts = timeouts;
    this.#clock = clock;
    this.#onFree = onFree;
    this.#deadline = clock.now + timeouts.connect;
    this.#memory = new ReadMemory(address.kind === 'tls');
    this.#socket = dial(address, { buffer: () => this.#memory.next, callback: this.#onRead });
    this.#socket.once(address.kind === 'tls' ? 'secureConnect' : 'connect', () => this.#onConnect());
    this.#socket.on('drain', () => this.#sink?.onDrain());
    this.#socket.on('end', () => this.#onEnd());
    this.#socket.on('error', (error) => this.#onError(error));
    this.#socket.on('close', () => this.#onClose());
  }

  get idle(): boolean {
    return this.#phase === 'idle';
  }

  get owner(): EventEmitter | null {
    return this.#owner;
  }

  /** From now on it is this client's alone, and ends with it: `connection-login.ts`. */
  belongTo(client: EventEmitter | null): void {
    if (client === null) this.#last = true;
    else if (this.#owner !== client) {
      this.#owner = client;
      client.once('close', this.#onOwnerGone);
    }
  }

  readonly #onOwnerGone = (): void => this.destroy();

  /**
   * Sends a request head; a body follows through `write` and `finish`.
   *
   * @param ended the head is the whole request
   */
  send(head: string, method: string, ended: boolean, sink: ResponseSink): void {
    this.#sink = sink;
    this.#method = method;
    this.#requestEnded = ended;
    // A backend that does not look for content here would take it for the next request, and answer that to somebody else.
    this.#last = !ended && contentless.has(method);
    this.#head = null;
    this.#decoder = null;
    if (this.#phase !== 'connecting') {
      this.#phase = 'head';
      this.#deadline = this.#clock.now + this.#timeouts.headers;
    }
    this.#socket.write(head, 'latin1');
    if (this.#phase === 'head') sink.onReady();
  }

  /** @returns false where the caller should wait for `onDrain` */
  write(data: Buffer | string): boolean {
    piecePassed(data.length);
    // A client that still sends is not a backend that is silent.
    if (this.#phase === 'head') this.#deadline = this.#clock.now + this.#timeouts.headers;
    else if (this.#phase === 'body') this.#deadline = this.#clock.now + this.#timeouts.body;
    return this.#socket.write(data as Buffer, 'latin1');
  }

  /** The request body is complete. */
  finish(): void {
    this.#requestEnded = true;
  }

  /** The client takes nothing more for now; it may do so as long as a body may stand still. */
  pause(): void {
    this.#paused = true;
    this.#deadline = this.#clock.now + this.#timeouts.body;
    this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#deadline = this.#clock.now + this.#timeouts.body;
    this.#socket.resume();
  }

  /** Ends it without a word to anybody: the client is gone, or the pool closes. */
  destroy(): void {
    this.#sink = null;
    this.#close();
  }

  /** Called every now and then by the pool: one timer for all connections instead of one an exchange. */
  checkDeadline(): void {
    if (this.#clock.now < this.#deadline) return;
    const name = backendName(this.#address);
    switch (this.#phase) {
      case 'connecting':
        this.#fail(new UpstreamError(504, `${name} did not accept a connection in time`, 'unsent'));
        return;
      case 'head':
        // It has taken all there is, and the rest of the request does not come.
        if (!this.#requestEnded && this.#socket.writableLength === 0) {
          this.#fail(new UpstreamError(408, `a client stopped sending its request to ${name}`, 'client'));
        } else this.#fail(new UpstreamError(504, `${name} did not answer in time`));
        return;
      case 'body':
        if (this.#paused) {
          this.#fail(new UpstreamError(408, `a client stopped taking the response of ${name}`, 'client'));
        } else this.#fail(new UpstreamError(504, `${name} stopped in the middle of a response`));
    }
  }

  #onConnect(): void {
    this.#phase = 'head';
    this.#deadline = this.#clock.now + this.#timeouts.headers;
    this.#sink?.onReady();
  }

  readonly #onRead = (length: number, memory: Uint8Array): boolean => {
    this.#onBytes((memory as Buffer).subarray(0, length));
    return true;
  };

  /** @param bytes there until it returns */
  #onBytes(bytes: Buffer): void {
    let rest = bytes;
    while (rest.length > 0) {
      if (this.#phase === 'head') {
        const consumed = this.#readHead(rest);
        if (consumed === -1) return;
        rest = rest.subarray(consumed);
      } else if (this.#phase === 'body') {
        const consumed = this.#readBody(rest);
        if (consumed === -1) return;
        rest = rest.subarray(consumed);
      } else {
        // Bytes nobody asked for: whatever they answer, it is not the next request.
        this.#close();
        return;
      }
    }
  }

  /** @returns bytes consumed, or -1 where it waits for more or has failed */
  #readHead(bytes: Buffer): number {
    const known = this.#partial;
    const all = known === null ? bytes : Buffer.concat([known, bytes]);
    const text = all.toString('latin1');
    const end = text.indexOf(headEnd);
    if (end === -1) {
      if (text.length > maxHead) this.#malformed('a response head that does not end');
      else this.#partial = known === null ? Buffer.from(bytes) : all;
      return -1;
    }
    const before = known === null ? 0 : known.length;
    this.#partial = null;
    const head = parseResponseHead(all, text, this.#method, end);
    if (typeof head === 'string') {
      this.#malformed(head);
      return -1;
    }
    const bodyAt = end + headEnd.length;
    if (head.status < 200) {
      if (head.status === 101) {
        this.#malformed('a 101 that was not asked for');
        return -1;
      }
      this.#sink?.onInformation(head);
      return bodyAt - before;
    }
    this.#head = head;
    if (asksForLogin(head.status, head.rawHeaders)) this.belongTo(this.#sink?.client ?? null);
    if (head.framing === 'none' || (head.framing === 'length' && text.length - bodyAt >= head.length)) {
      this.#answerWhole(head, text.slice(bodyAt, bodyAt + head.length), text.length - bodyAt > head.length);
      return bodyAt + head.length - before;
    }
    const content = head.framing === 'chunked' ? wholeChunked(text, bodyAt) : null;
    if (content !== null) {
      // Its length is known now, and is told in place of the coding: one write again, for the client to read at once.
      head.rawHeaders.push('Content-Length', String(content.length));
      this.#answerWhole({ ...head, framing: 'length', length: content.length }, content, false);
      return text.length - before;
    }
    this.#phase = 'body';
    this.#deadline = this.#clock.now + this.#timeouts.body;
    this.#left = head.length;
    if (head.framing === 'chunked') this.#decoder = new ChunkedDecoder();
    this.#sink?.onHead(head, null);
    return bodyAt - before;
  }

  #answerWhole(head: ResponseHead, whole: string, surplus: boolean): void {
    const sink = this.#sink;
    const usable = this.#complete(surplus);
    sink?.onHead(head, whole);
    this.#release(usable);
  }

  #readBody(bytes: Buffer): number {
    piecePassed(bytes.length);
    this.#deadline = this.#clock.now + this.#timeouts.body;
    const decoder = this.#decoder;
    if (decoder !== null) {
      const consumed = decoder.decode(bytes, (data) => this.#sink?.onData(this.#memory.keep(data)));
      if (decoder.error !== null) {
        this.#malformed(decoder.error);
        return -1;
      }
      if (decoder.done) this.#endBody(consumed < bytes.length, decoder.trailers);
      return consumed;
    }
    if (this.#head?.framing === 'close') {
      this.#sink?.onData(this.#memory.keep(bytes));
      return bytes.length;
    }
    const length = Math.min(this.#left, bytes.length);
    this.#sink?.onData(this.#memory.keep(length === bytes.length ? bytes : bytes.subarray(0, length)));
    this.#left -= length;
    if (this.#left === 0) this.#endBody(bytes.length > length, []);
    return length;
  }

  #endBody(surplus: boolean, trailers: readonly string[]): void {
    const sink = this.#sink;
    const usable = this.#complete(surplus);
    sink?.onEnd(trailers);
    this.#release(usable);
  }

  /** The response is whole. @returns whether the connection can carry another exchange */
  #complete(surplus: boolean): boolean {
    const usable = this.#head?.keepAlive === true && !this.#last && !surplus && this.#phase !== 'closed';
    this.#sink = null;
    this.#decoder = null;
    this.#memory.reset();
    this.#carried++;
    this.#phase = 'idle';
    // A slow client may have paused it in the middle of its last packet: the next exchange must find it reading.
    if (this.#paused) {
      this.#paused = false;
      this.#socket.resume();
    }
    return usable;
  }

  /** After the sink has been told, so that an exchange started from there does not find this one half free. */
  #release(usable: boolean): void {
    // Where the answer could not be passed on it is closed already, and a dead one would be given to the next request.
    if (this.#phase === 'closed') return;
    // An answer before the end of its request: what still comes of that request would be read as the next one.
    if (!usable || !this.#requestEnded) this.#close();
    else this.#onFree(this, true);
  }

  #onEnd(): void {
    if (this.#phase === 'body' && this.#head?.framing === 'close') this.#endBody(false, []);
    else
      this.#close(
        new UpstreamError(
          502,
          `${backendName(this.#address)} closed the connection before its answer was whole`,
          this.#untouched(),
        ),
      );
  }

  #onError(error: Error): void {
    const name = backendName(this.#address);
    const why =
      this.#phase === 'connecting' ? `${name} accepts no connection` : `${name} broke the connection`;
    this.#close(
      new UpstreamError(
        502,
        `${why}: ${error.message || (error as NodeJS.ErrnoException).code}`,
        this.#untouched(),
        error,
      ),
    );
  }

  #untouched(): 'unsent' | 'retryable' | 'sent' {
    if (this.#phase === 'connecting') return 'unsent';
    return this.#phase === 'head' && this.#carried > 0 && this.#partial === null ? 'retryable' : 'sent';
  }

  #onClose(): void {
    this.#close(
      new UpstreamError(502, `${backendName(this.#address)} closed the connection`, this.#untouched()),
    );
  }

  #malformed(why: string): void {
    this.#fail(new UpstreamError(502, `${backendName(this.#address)} answered with ${why}`));
  }

  #fail(error: UpstreamError): void {
    this.#close(error);
  }

  #close(error?: UpstreamError): void {
    if (this.#phase === 'closed') return;
    const sink = this.#sink;
    this.#sink = null;
    this.#phase = 'closed';
    this.#socket.destroy();
    this.#owner?.off('close', this.#onOwnerGone);
    this.#onFree(this, false);
    if (error !== undefined) sink?.onFailure(error);
  }
}
