/** One HTTP/1.1 connection to a backend, carrying one exchange at a time. */
import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { Member } from '../listener/members.ts';
import { wholeChunked } from '../wire/chunked.ts';
import { MessageBody } from '../wire/message-body.ts';
import { contentless } from '../wire/methods.ts';
import { parseResponseHead, type ResponseHead } from '../wire/response-head.ts';
import { type BackendAddress, backendName, dial } from './backend.ts';
import { asksForLogin } from './connection-login.ts';
import { readAfterFailedWrite } from './failed-write.ts';
import { ReadMemory } from './read-memory.ts';
import { writeChunk, writeRequest } from './request-writer.ts';
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
import { notAccepted, notPassedOn, socketProblem, timedOut } from './upstream-failures.ts';

type Phase = 'connecting' | 'idle' | 'head' | 'body' | 'upgraded' | 'ended' | 'closed';

/** Limit of a response head, in bytes. */
const maxHead = 64 * 1024;
/** Milliseconds for a backend to read what waits for it, after it has ended an upgraded connection. */
const lingerTime = 1000;

export class UpstreamConnection implements Exchange, Member {
  place = -1;
  readonly #name: string;
  readonly #socket: Socket;
  readonly #timeouts: UpstreamTimeouts;
  readonly #clock: Clock;
  readonly #memory: ReadMemory;
  /** Called when it can carry another exchange (`usable`), or when it is closed. */
  readonly #onFree: (connection: UpstreamConnection, usable: boolean) => void;
  #phase: Phase = 'connecting';
  #sink: ResponseSink | null = null;
  #request: UpstreamRequest | null = null;
  #requestEnded = true;
  /** Start of a head that is not complete yet. */
  #partial: Buffer | null = null;
  #head: ResponseHead | null = null;
  #body: MessageBody | null = null;
  #paused = false;
  /** Closes after this exchange. */
  #last = false;
  /** Why a write failed; the answer may still be unread. */
  #deaf: Error | null = null;
  /** Exchanges carried so far. On a used connection a failure before the first byte of an answer is the backend's idle close. */
  #carried = 0;
  /** Of the present phase, on the clock. */
  #deadline: number;
  /** Since when it is idle, on the clock. */
  idleSince = 0;
  /** The client connection that logged in on this one (`connection-login.ts`). */
  #owner: EventEmitter | null = null;

  constructor(
    address: BackendAddress,
    timeouts: UpstreamTimeouts,
    clock: Clock,
    onFree: (connection: UpstreamConnection, usable: boolean) => void,
  ) {
    this.#name = backendName(address);
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
    // A backend that expects no content with this method would read the content as the next request, and answer it to another client.
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

  /** From now on it serves this client only and closes with it (`connection-login.ts`). */
  belongTo(client: EventEmitter | null): void {
    if (client === null) this.#last = true;
    else if (this.#owner !== client) {
      this.#owner = client;
      client.once('close', this.#onOwnerGone);
    }
  }

  readonly #onOwnerGone = (): void => this.destroy();

  #begin(): void {
    this.#deadline = this.#clock.now + this.#timeouts.headers;
    const { body } = this.#request!;
    if (body !== null && typeof body !== 'string') piecePassed(body.length);
    writeRequest(this.#socket, this.#request!);
    this.#sink?.onReady();
  }

  write(data: Buffer): boolean {
    piecePassed(data.length);
    this.#clientMoved();
    // The backend reads no more; only its answer is still to be read.
    if (this.#deaf !== null) return true;
    return this.#request?.framing === 'chunked'
      ? writeChunk(this.#socket, data)
      : this.#socket.write(data, 'latin1');
  }

  finish(trailers: readonly string[]): void {
    this.#requestEnded = true;
    if (this.#request?.framing !== 'chunked') return;
    this.#clientMoved();
    if (this.#deaf === null) this.#socket.write(lastChunk(trailers), 'latin1');
  }

  /** While the client still sends, the backend is not silent: its deadline moves. */
  #clientMoved(): void {
    if (this.#phase === 'head') this.#deadline = this.#clock.now + this.#timeouts.headers;
    else if (this.#phase === 'body') this.#deadline = this.#clock.now + this.#timeouts.body;
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

  /** Called by the timer of the pool: one for all connections instead of one for each exchange. */
  checkDeadline(): void {
    if (this.#clock.now < this.#deadline) return;
    switch (this.#phase) {
      case 'connecting':
        this.#close(notAccepted(this.#name));
        return;
      case 'head':
        // The client's fault if the backend has read everything so far and the rest of the request does not arrive.
        this.#close(timedOut(this.#name, false, !this.#requestEnded && this.#socket.writableLength === 0));
        return;
      case 'body':
        this.#close(timedOut(this.#name, true, this.#paused));
        return;
      case 'ended':
        this.#close();
    }
  }

  #onConnect(): void {
    this.#phase = this.#sink === null ? 'idle' : 'head';
    this.idleSince = this.#clock.now;
    if (this.#sink !== null) this.#begin();
  }

  readonly #onRead = (length: number, memory: Uint8Array): boolean => {
    const sink = this.#sink;
    try {
      this.#onBytes((memory as Buffer).subarray(0, length));
    } catch (error) {
      // Whatever threw: the connection is in the middle of this response and can carry no other.
      this.#sink = null;
      this.#close();
      sink?.onFailure(notPassedOn(this.#name, error));
    }
    return true;
  };

  /** @param bytes valid until it returns */
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
        // Bytes between two exchanges must not become the answer to the next request.
        this.#close();
        return;
      }
      if (consumed === -1) return;
      rest = rest.subarray(consumed);
    }
  }

  /** @returns bytes consumed; -1: it waits for more, or has failed */
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
      // All chunks are here: a Content-Length replaces the coding, so that the answer goes out in one write.
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

  /** After a 101 to anything but WebSocket nothing would judge what passes: h2c would open the whole server past the checkpoint. */
  #switch(head: ResponseHead): boolean {
    if (!this.#request!.upgrade || head.upgrade.toLowerCase() !== 'websocket') {
      this.#malformed('a 101 that was not requested');
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

  /** The response is complete. @returns whether the connection can carry another exchange */
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
    // A slow client may have paused it in the middle of the last packet: the next exchange must find it reading.
    if (this.#paused) {
      this.#paused = false;
      this.#socket.resume();
    }
    return usable;
  }

  /**
   * The one place that returns a connection to its pool. Called after the sink has taken the whole response, so that an exchange
   * the sink starts does not find this one half free.
   */
  #release(usable: boolean): void {
    // Closed already where the sink threw: the next request must not get a dead connection.
    if (this.#phase === 'closed') return;
    // After an answer that came before the end of its request, the rest of that request would be read as the next one.
    if (!usable || this.#last || !this.#requestEnded || this.#phase !== 'idle') this.#close();
    else this.#onFree(this, true);
  }

  #onEnd(): void {
    if (this.#phase === 'body' && this.#head?.framing === 'close') this.#endBody(false, []);
    else if (this.#phase === 'upgraded') {
      // The attempt is over with this call. A backend that reads no more would keep the connection from closing for ever.
      this.#phase = 'ended';
      this.#deadline = this.#clock.now + lingerTime;
      this.#sink?.onEnd([]);
    } else {
      const what = `${this.#name} closed the connection before its answer was whole`;
      this.#close(new UpstreamError(502, what, this.#untouched(), this.#deaf ?? undefined));
    }
  }

  #onError(error: Error): void {
    const problem = socketProblem(error, this.#phase === 'connecting');
    this.#close(new UpstreamError(502, `${this.#name} ${problem}`, this.#untouched(), error));
  }

  /** How far the request got, for a decision on a retry. */
  #untouched(): 'unsent' | 'retryable' | 'sent' {
    if (this.#phase === 'connecting') return 'unsent';
    return this.#phase === 'head' && this.#carried > 0 && this.#partial === null ? 'retryable' : 'sent';
  }

  #onClose(): void {
    this.#close(new UpstreamError(502, `${this.#name} closed the connection`, this.#untouched()));
  }

  #malformed(why: string): void {
    this.#close(new UpstreamError(502, `${this.#name} answered with ${why}`));
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
