/** One HTTP/1.1 connection to a backend, carrying one exchange at a time. */
import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { refusedHere } from '../listener/refused-dial.ts';
import { wholeChunked } from '../wire/chunked.ts';
import { MessageBody } from '../wire/message-body.ts';
import { contentless } from '../wire/methods.ts';
import { parseResponseHead, type ResponseHead } from '../wire/response-head.ts';
import { type BackendAddress, backendName, dial } from './backend.ts';
import { asksForLogin } from './connection-login.ts';
import { readAfterFailedWrite } from './failed-write.ts';
import { framed } from './framed-body.ts';
import { ReadMemory } from './read-memory.ts';
import { piecePassed } from './scavenge.ts';
import { lastChunk } from './trailers.ts';
import { UpstreamError } from './upstream-error.ts';
import type {
  Clock,
  Exchange,
  ResponseSink,
  UpstreamRequest,
  UpstreamTimeouts,
} from './upstream-exchange.ts';

type Phase = 'connecting' | 'idle' | 'head' | 'body' | 'upgraded' | 'closed';

/** A head larger than this is not one. */
const maxHead = 64 * 1024;
/** A body up to this long goes out in one write with its head: copying it costs less than a second write. */
const worthJoining = 16 * 1024;

export class UpstreamConnection implements Exchange {
  readonly #address: BackendAddress;
  readonly #socket: Socket;
  readonly #timeouts: UpstreamTimeouts;
  readonly #clock: Clock;
  readonly #memory: ReadMemory;
  /** Called when it may carry another exchange, or when it is gone. */
  readonly #onFree: (connection: UpstreamConnection, usable: boolean) => void;
  #phase: Phase = 'connecting';
  #sink: ResponseSink | null = null;
  #request: UpstreamRequest | null = null;
  #requestEnded = true;
  /** The beginning of a head. */
  #partial: Buffer | null = null;
  #head: ResponseHead | null = null;
  #body: MessageBody | null = null;
  #paused = false;
  /** It carries no exchange after this one. */
  #last = false;
  /** Why nothing can be written any more; the answer may be unread yet. */
  #deaf: Error | null = null;
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
    const socket = dial(address, { buffer: () => this.#memory.next, callback: this.#onRead });
    this.#socket = socket;
    readAfterFailedWrite(
      socket,
      () => this.#phase === 'closed',
      (error) => {
        this.#deaf ??= error;
      },
      () => this.#onEnd(),
    );
    socket.once(address.kind === 'tls' ? 'secureConnect' : 'connect', () => this.#onConnect());
    socket.on('drain', () => this.#sink?.onDrain());
    socket.on('end', () => this.#onEnd());
    socket.on('error', (error) => this.#onError(error));
    socket.on('close', () => this.#onClose());
  }

  get idle(): boolean {
    return this.#phase === 'idle';
  }

  send(request: UpstreamRequest, sink: ResponseSink): void {
    this.#sink = sink;
    this.#request = request;
    this.#requestEnded = request.ended;
    // A backend that does not look for content here would take it for the next request, and answer that to somebody else.
    this.#last ||= request.framing !== 'none' && contentless.has(request.method);
    this.#head = null;
    this.#body = null;
    if (this.#phase === 'connecting') return;
    this.#phase = 'head';
    this.#begin();
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

  #begin(): void {
    const { head } = this.#request!;
    const body = framed(this.#request!);
    this.#deadline = this.#clock.now + this.#timeouts.headers;
    if (body === null) this.#socket.write(head, 'latin1');
    else if (typeof body === 'string') this.#socket.write(head + body, 'latin1');
    else if (body.length <= worthJoining) {
      const joined = Buffer.allocUnsafe(head.length + body.length);
      joined.write(head, 0, 'latin1');
      joined.set(body, head.length);
      this.#socket.write(joined);
    } else {
      this.#socket.cork();
      this.#socket.write(head, 'latin1');
      this.#socket.write(body);
      this.#socket.uncork();
    }
    this.#sink?.onReady();
  }

  write(data: Buffer): boolean {
    return this.#request?.framing === 'chunked' ? this.#putChunk(data) : this.#put(data);
  }

  #put(data: Buffer | string): boolean {
    piecePassed(data.length);
    // A client that still sends is not a backend that is silent.
    if (this.#phase === 'head') this.#deadline = this.#clock.now + this.#timeouts.headers;
    else if (this.#phase === 'body') this.#deadline = this.#clock.now + this.#timeouts.body;
    // Nobody reads it any more; what is left to do is to read the answer.
    if (this.#deaf !== null) return true;
    return this.#socket.write(data as Buffer, 'latin1');
  }

  #putChunk(data: Buffer): boolean {
    const socket = this.#socket;
    socket.cork();
    this.#put(`${data.length.toString(16)}\r\n`);
    this.#put(data);
    const more = this.#put('\r\n');
    socket.uncork();
    return more;
  }

  finish(trailers: readonly string[]): void {
    if (this.#request?.framing === 'chunked') this.#put(lastChunk(trailers));
    this.#requestEnded = true;
  }

  end(): void {
    this.#socket.end();
  }

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
        this.#close(new UpstreamError(504, `${name} did not accept a connection in time`, 'unsent'));
        return;
      case 'head':
        // It has taken all there is, and the rest of the request does not come.
        if (!this.#requestEnded && this.#socket.writableLength === 0) {
          this.#close(new UpstreamError(408, `a client stopped sending its request to ${name}`, 'client'));
        } else this.#close(new UpstreamError(504, `${name} did not answer in time`));
        return;
      case 'body':
        if (this.#paused) {
          this.#close(new UpstreamError(408, `a client stopped taking the response of ${name}`, 'client'));
        } else this.#close(new UpstreamError(504, `${name} stopped in the middle of a response`));
    }
  }

  #onConnect(): void {
    // Nobody has sent anything yet.
    this.#phase = this.#sink === null ? 'idle' : 'head';
    this.idleSince = this.#clock.now;
    if (this.#sink !== null) this.#begin();
  }

  readonly #onRead = (length: number, memory: Uint8Array): boolean => {
    const sink = this.#sink;
    try {
      this.#onBytes((memory as Buffer).subarray(0, length));
    } catch (error) {
      // Whatever refuses to take this response, the connection is in the middle of it: it carries no other.
      const name = backendName(this.#address);
      this.#sink = null;
      this.#close();
      sink?.onFailure(new UpstreamError(502, `the answer of ${name} could not be passed on: ${error}`));
    }
    return true;
  };

  /** @param bytes there until it returns */
  #onBytes(bytes: Buffer): void {
    let rest = bytes;
    while (rest.length > 0) {
      let consumed: number;
      if (this.#phase === 'head') consumed = this.#readHead(rest);
      else if (this.#phase === 'body') consumed = this.#readBody(rest);
      else if (this.#phase === 'upgraded') {
        this.#sink?.onData(Buffer.from(rest));
        return;
      } else {
        // Bytes nobody asked for: whatever they answer, it is not the next request.
        this.#close();
        return;
      }
      if (consumed === -1) return;
      rest = rest.subarray(consumed);
    }
  }

  /** @returns bytes consumed, or -1 where it waits for more or has failed */
  #readHead(bytes: Buffer): number {
    const known = this.#partial;
    const all = known === null ? bytes : Buffer.concat([known, bytes]);
    const text = all.toString('latin1');
    const head = parseResponseHead(all, text, this.#request!.method);
    if (head === null) {
      if (text.length > maxHead) this.#malformed('a response head that does not end');
      else this.#partial = known === null ? Buffer.from(bytes) : all;
      return -1;
    }
    const before = known === null ? 0 : known.length;
    this.#partial = null;
    if (typeof head === 'string') {
      this.#malformed(head);
      return -1;
    }
    const { end } = head;
    if (head.status < 200) {
      if (head.status === 101) return this.#switch(head) ? end - before : -1;
      this.#sink?.onInformation(head);
      return end - before;
    }
    this.#head = head;
    if (head.status === 401 && asksForLogin(head.status, head.rawHeaders)) {
      this.belongTo(this.#sink?.client ?? null);
    }
    if (head.framing === 'none' || (head.framing === 'length' && text.length - end >= head.length)) {
      this.#answerWhole(head, text.slice(end, end + head.length), text.length - end > head.length);
      return end + head.length - before;
    }
    const content = head.framing === 'chunked' ? wholeChunked(text, end) : null;
    if (content !== null) {
      // Its length is known now, and is told in place of the coding: one write again, for the client to read at once.
      const fields = `${head.fields}Content-Length: ${content.length}\r\n`;
      this.#answerWhole(head.with({ fields, framing: 'length', length: content.length }), content, false);
      return text.length - before;
    }
    this.#phase = 'body';
    this.#deadline = this.#clock.now + this.#timeouts.body;
    const { framing, length } = head;
    this.#body = new MessageBody(
      framing === 'chunked' ? -1 : framing === 'close' ? Number.POSITIVE_INFINITY : length,
      true,
    );
    this.#sink?.onHead(head, null);
    return end - before;
  }

  /** Behind a 101 of anything but a WebSocket nobody would judge what passes: h2c is a whole server without a checkpoint. */
  #switch(head: ResponseHead): boolean {
    if (!this.#request!.upgrade || head.upgrade.toLowerCase() !== 'websocket') {
      this.#malformed('a 101 that was not asked for');
      return false;
    }
    this.#phase = 'upgraded';
    this.#sink?.onUpgrade(head);
    return true;
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
    const body = this.#body!;
    const consumed = body.take(bytes, this.#onPiece);
    if (body.error !== null) {
      this.#malformed(body.error);
      return -1;
    }
    if (body.done) this.#endBody(consumed < bytes.length, body.trailers);
    return consumed;
  }

  readonly #onPiece = (data: Buffer): void => this.#sink?.onData(this.#memory.keep(data));

  #endBody(surplus: boolean, trailers: readonly string[]): void {
    const sink = this.#sink;
    const usable = this.#complete(surplus);
    sink?.onEnd(trailers);
    this.#release(usable);
  }

  /** The response is whole. @returns whether the connection can carry another exchange */
  #complete(surplus: boolean): boolean {
    const usable =
      this.#head?.keepAlive === true &&
      !this.#last &&
      !surplus &&
      this.#deaf === null &&
      this.#phase !== 'closed';
    this.#sink = null;
    this.#body = null;
    this.#memory.reset();
    this.#carried++;
    if (this.#phase !== 'closed') this.#phase = 'idle';
    // A slow client may have paused it in the middle of its last packet: the next exchange must find it reading.
    if (this.#paused) {
      this.#paused = false;
      this.#socket.resume();
    }
    return usable;
  }

  /**
   * The one place from which a connection goes back to its pool: its response is whole, and the sink has taken it without a
   * fault. After the sink, so that an exchange started from there does not find this one half free.
   */
  #release(usable: boolean): void {
    // Where the answer could not be passed on it is closed already, and a dead one would be given to the next request.
    if (this.#phase === 'closed') return;
    // An answer before the end of its request: what still comes of that request would be read as the next one.
    if (!usable || this.#last || !this.#requestEnded || this.#phase !== 'idle') this.#close();
    else this.#onFree(this, true);
  }

  #onEnd(): void {
    if (this.#phase === 'body' && this.#head?.framing === 'close') this.#endBody(false, []);
    else if (this.#phase === 'upgraded') this.#sink?.onEnd([]);
    else
      this.#close(
        new UpstreamError(
          502,
          `${backendName(this.#address)} closed the connection before its answer was whole`,
          this.#untouched(),
          this.#deaf ?? undefined,
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
        `${why}: ${error.message || (error as NodeJS.ErrnoException).code}${refusedHere(error)}`,
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
    this.#close(new UpstreamError(502, `${backendName(this.#address)} answered with ${why}`));
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
