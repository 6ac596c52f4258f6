/**
 * One client connection of HTTP/1: reads requests from the socket, in whatever packets they come, and has each judged.
 * One request at a time is served (`exchange.ts`); what comes behind it waits.
 */
import type { Socket } from 'node:net';
import { ownText } from '../forward/response-text.ts';
import { listenerName } from '../guard/received.ts';
import { UnreadAnswer } from '../listener/unread-answer.ts';
import { mayBecomeOther } from '../wire/first-bytes.ts';
import { MessageBody } from '../wire/message-body.ts';
import { ClientReads } from './client-reads.ts';
import { Http1Exchange } from './exchange.ts';
import type { IncomingBody } from './incoming-body.ts';
import { type ReadRequest, RequestReader } from './request-reader.ts';
import type { Http1Server } from './server.ts';

/** Bytes that may wait behind a request under way; then nothing more is read until it is answered. */
const maxHeld = 64 * 1024;
/** Milliseconds that a client may go on sending a body that nobody wants any more, to get to read the answer. */
const lingerTime = 5000;

export class Http1Connection {
  readonly server: Http1Server;
  readonly secure: boolean;
  readonly reads: ClientReads;
  /** The connection ends with the answer under way. */
  last = false;
  readonly #socket: Socket;
  readonly #reader: RequestReader;
  /** The request that is being served; null: it is between two. */
  #exchange: Http1Exchange | null = null;
  /** The socket may be read from. */
  #reading = true;
  /** What came and is not read yet. */
  #held: Buffer | null = null;
  /** What came is no HTTP, and too little to tell what else. */
  #unknown = false;
  /** A request has been answered on it. */
  #served = false;
  /** When it began to wait for what it waits for, on the clock of the server. */
  #since: number;
  /** It is closing, and until then at the latest; 0: it is not. */
  #lingersUntil = 0;
  /** What still comes is the rest of a body. */
  #discards = false;
  readonly #unread: UnreadAnswer;

  constructor(server: Http1Server, socket: Socket) {
    this.server = server;
    this.#socket = socket;
    this.secure = 'encrypted' in socket;
    this.#reader = new RequestReader(server.limits.headerBytes);
    this.#since = server.now;
    this.#unread = new UnreadAnswer(socket, server.now);
    socket.on('drain', this.#onDrain);
    socket.on('error', ignore);
    socket.on('close', this.#onClose);
    this.reads = new ClientReads(socket, {
      onBytes: (bytes) => {
        this.#onBytes(bytes);
        return this.#reading;
      },
      onEnd: () => this.#onClientEnd(),
    });
    this.reads.start();
  }

  get connection(): Socket {
    return this.#socket;
  }

  /** Between two requests. */
  get idle(): boolean {
    return this.#exchange === null;
  }

  /** Ends it, after the answer under way. */
  close(): void {
    this.last = true;
    if (this.idle && this.#lingersUntil === 0) this.#finish();
  }

  /** Called every now and then: one timer for all connections instead of one for each. */
  checkDeadline(): void {
    const { now, limits } = this.server;
    const socket = this.#socket;
    if (this.#unread.standsStill(now, limits.stall)) {
      socket.destroy();
      return;
    }
    if (this.#lingersUntil !== 0) {
      // A slow reader is not cut off as long as it reads: what is left of the answer has the time that a body has.
      if (this.#unread.bytes > 0) this.#lingersUntil = now + lingerTime;
      else if (now >= this.#lingersUntil) socket.destroy();
    } else if (this.#exchange !== null) this.#exchange.checkBody(now, this.#reading);
    else if (this.#unknown && now - this.#since >= limits.head) this.#refuseBytes(this.#held ?? nothing);
    else if (this.#served && this.#held === null) {
      if (now - this.#since >= limits.idle) socket.destroySoon();
    } else if (now - this.#since >= limits.head) {
      socket.write(
        ownText(408, 'Request Timeout', ['Content-Length', '0'], 'Connection: close\r\n'),
        'latin1',
      );
      this.#finish();
    }
  }

  /** Keeps what came behind the request under way. */
  hold(bytes: Buffer): void {
    // A socket forgets where it was as it closes, and what waits here may have to be recorded then.
    listenerName(this.#socket);
    this.#held = this.#held === null ? Buffer.from(bytes) : Buffer.concat([this.#held, bytes]);
    if (this.#held.length > maxHeld) this.#reading = false;
  }

  /** Nothing more for now: the backend takes no more of the body. */
  readNoMore(): void {
    this.#reading = false;
  }

  readOn(): void {
    if (this.#reading || this.#socket.destroyed) return;
    this.#reading = true;
    this.reads.resume();
  }

  /** The answer is written; the next request may come. @param body of the request */
  onAnswered(body: IncomingBody | null): void {
    this.#exchange = null;
    if (body !== null) this.reads.reset();
    this.#served = true;
    this.#since = this.server.now;
    if (this.last) {
      if (body !== null && !body.done) this.#linger();
      else this.#finish();
      return;
    }
    // Not within the call of the connection to the backend, which is not free yet; and not while the client takes nothing.
    if (this.#held !== null) {
      if (!this.#socket.writableNeedDrain) setImmediate(this.#goOn);
    } else this.readOn();
  }

  /** Somebody else has the socket from now on. */
  letGo(): void {
    const socket = this.#socket;
    this.reads.release();
    socket.off('drain', this.#onDrain);
    socket.off('error', ignore);
    socket.off('close', this.#onClose);
    this.server.forget(this);
  }

  /** Lets go of it for a tunnel, whose end ends the exchange. @returns what came early */
  handOver(): Buffer | null {
    const early = this.#held;
    this.letGo();
    this.#socket.on('close', this.#onClose);
    return early;
  }

  #onBytes(bytes: Buffer): void {
    if (this.#lingersUntil !== 0) {
      // Not served; a probe among it is recorded as the connection closes.
      if (!this.#discards && (this.#held?.length ?? 0) < maxHeld) this.hold(bytes);
      return;
    }
    // Of who does not take the answers that are there nothing is served: each packet would add one more to what is held for it.
    if (this.#exchange === null && !this.#socket.writableNeedDrain) {
      if (this.#held === null && this.#served) this.#since = this.server.now;
      this.#takeHead(this.#held === null ? bytes : Buffer.concat([this.#held, bytes]));
    } else if (this.#exchange?.takesBody === true) this.#exchange.takeBody(bytes);
    else this.hold(bytes);
  }

  #takeHead(bytes: Buffer): void {
    const { checkpoint, rateLimits, amend } = this.server;
    this.#held = null;
    // At the beginning of a connection, before anything is read of it; a later request of the banned ends the connection.
    if (!this.#served && checkpoint.turnAway(this.#socket)) {
      this.letGo();
      return;
    }
    const request = this.#reader.read(bytes);
    if (typeof request === 'string') {
      this.#notRead(request, bytes);
      return;
    }
    const start = performance.now();
    const read = checkpoint.judgeRead(request, this.#socket);
    const judged = amend === undefined ? read : amend(read);
    const rest = request.end === bytes.length ? nothing : bytes.subarray(request.end);
    if (judged.verdict.action === 'block') {
      this.letGo();
      checkpoint.refuseRead(this.#socket, judged, rest, isWhole(request, rest));
      return;
    }
    checkpoint.passed(judged, this.#socket, start);
    const excess = rateLimits.hit(judged);
    if (excess !== null) {
      this.letGo();
      const refused = { ...judged, verdict: excess.verdict };
      checkpoint.refuseRead(this.#socket, refused, rest, isWhole(request, rest), excess.headers);
      return;
    }
    this.last ||= request.close;
    this.#exchange = new Http1Exchange(this, request, judged, start);
    this.#exchange.begin(bytes, rest, this.#reader);
  }

  #notRead(why: 'more' | 'too long' | 'fault', bytes: Buffer): void {
    if (why === 'more') {
      this.#held = Buffer.from(bytes);
    } else if (why === 'too long') {
      this.letGo();
      this.server.checkpoint.refuseLong(this.#socket, bytes);
    } else if (!this.#served && mayBecomeOther(bytes)) {
      this.#held = Buffer.from(bytes);
      this.#unknown = true;
    } else this.#refuseBytes(bytes);
  }

  #refuseBytes(bytes: Buffer): void {
    this.letGo();
    this.server.checkpoint.refuseBytes(this.#socket, bytes, !this.#served);
  }

  /** Closes it once everything is written. RFC 9112 section 9.6: what the client still sends is not served. */
  #finish(): void {
    this.#lingersUntil = this.server.now + lingerTime;
    this.#socket.destroySoon();
  }

  /** The same, reading on for a while: a close with unread bytes resets the connection under the answer. */
  #linger(): void {
    this.#lingersUntil = this.server.now + lingerTime;
    this.#discards = true;
    this.#held = null;
    this.#socket.end();
    this.readOn();
  }

  readonly #goOn = (): void => {
    const bytes = this.#held;
    if (bytes === null || !this.idle || this.#lingersUntil !== 0 || this.#socket.destroyed) return;
    this.#takeHead(bytes);
    this.readOn();
  };

  readonly #onDrain = (): void => {
    if (this.#exchange === null) this.#goOn();
    else this.#exchange.onRoom();
  };

  /** As with nginx, who stops sending is gone: most that half-close have closed. */
  #onClientEnd(): void {
    if (this.#unknown) this.#refuseBytes(this.#held ?? nothing);
    else if (this.idle && this.#lingersUntil === 0) this.#finish();
    else this.#socket.destroy();
  }

  readonly #onClose = (): void => {
    this.server.forget(this);
    this.#exchange?.onGone();
    if (this.#held !== null) this.#recordRest(this.#held);
  };

  /** What the client sent behind its last request and did not wait for may be a probe: it is recorded all the same. */
  #recordRest(bytes: Buffer): void {
    const { checkpoint } = this.server;
    for (let rest = bytes; rest.length > 0; ) {
      const request = this.#reader.read(rest);
      if (typeof request === 'string') {
        if (request === 'fault') checkpoint.recordBytes(this.#socket, rest, false);
        return;
      }
      const behind = rest.subarray(request.end);
      const judged = checkpoint.judgeRead(request, this.#socket);
      checkpoint.recordRead(judged, this.#socket, behind);
      if (judged.verdict.action === 'block') return;
      const body = request.contentLength === 0 ? null : new MessageBody(request.contentLength);
      rest = body === null ? behind : behind.subarray(body.take(behind, ignore));
    }
  }
}

function isWhole({ method, contentLength }: ReadRequest, rest: Buffer): boolean {
  return method !== 'CONNECT' && contentLength !== -1 && rest.length >= contentLength;
}

const ignore = (): void => {};
const nothing = Buffer.alloc(0);
