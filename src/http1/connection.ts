/**
 * An HTTP/1 connection of a client: reads requests from the socket, in whatever packets they come, and has each one judged. Serves
 * one request at a time (`exchange.ts`); pipelined requests wait.
 */
import type { Socket } from 'node:net';
import { ownText } from '../forward/response-text.ts';
import { listenerName } from '../guard/received.ts';
import type { Member } from '../listener/members.ts';
import { UnreadAnswer } from '../listener/unread-answer.ts';
import { mayBecomeOther } from '../wire/first-bytes.ts';
import { MessageBody } from '../wire/message-body.ts';
import { ClientReads } from './client-reads.ts';
import { Http1Exchange } from './exchange.ts';
import type { IncomingBody } from './incoming-body.ts';
import { type ReadRequest, RequestReader } from './request-reader.ts';
import type { Http1Server } from './server.ts';

/** Bytes that may wait for the request under way; beyond that the socket is not read until it is answered. */
const maxHeld = 64 * 1024;
/** Milliseconds a client may go on sending a discarded body, so that it gets to read the answer. */
const lingerTime = 5000;

export class Http1Connection implements Member {
  place = -1;
  readonly server: Http1Server;
  readonly secure: boolean;
  readonly reads: ClientReads;
  /** The connection closes after the current answer. */
  last = false;
  readonly #socket: Socket;
  readonly #reader: RequestReader;
  /** The request being served; null: between two requests. */
  #exchange: Http1Exchange | null = null;
  /** The socket may be read from. */
  #reading = true;
  /** Bytes received but not processed. */
  #held: Buffer | null = null;
  /** The first bytes are not HTTP, and too few to tell which protocol they are. */
  #unknown = false;
  /** A request has been answered on it. */
  #served = false;
  /** Since when it waits for a request, on the clock of the server. */
  #since: number;
  /** Deadline of a closing connection; 0: not closing. */
  #lingersUntil = 0;
  /** What still arrives is the rest of a discarded body. */
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

  get idle(): boolean {
    return this.#exchange === null;
  }

  /** Closes after the current answer. */
  close(): void {
    this.last = true;
    if (this.idle && this.#lingersUntil === 0) this.#finish();
  }

  /** Called by the one timer that all connections share. */
  checkDeadline(): void {
    const { now, limits } = this.server;
    const socket = this.#socket;
    if (this.#unread.standsStill(now, limits.stall)) {
      socket.destroy();
      return;
    }
    if (this.#lingersUntil !== 0) {
      // A slow reader is not cut off while it reads: the rest of the answer may take as long as any body.
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

  /** Keeps bytes that arrived after the request under way. */
  hold(bytes: Buffer): void {
    // A closed socket no longer knows its addresses, and these bytes may have to be recorded then.
    listenerName(this.#socket);
    this.#held = this.#held === null ? Buffer.from(bytes) : Buffer.concat([this.#held, bytes]);
    if (this.#held.length > maxHeld) this.#reading = false;
  }

  /** The backend takes no more of the body for now. */
  readNoMore(): void {
    this.#reading = false;
  }

  readOn(): void {
    if (this.#reading || this.#socket.destroyed) return;
    this.#reading = true;
    this.reads.resume();
  }

  /** The answer is written. @param body of the request */
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
    // Not in this call, since the backend connection is not free yet; and not while the client reads nothing.
    if (this.#held !== null) {
      if (!this.#socket.writableNeedDrain) setImmediate(this.#goOn);
    } else this.readOn();
  }

  /** Stops serving the socket: another owner takes it over. */
  release(): void {
    const socket = this.#socket;
    this.reads.release();
    socket.off('drain', this.#onDrain);
    socket.off('error', ignore);
    socket.off('close', this.#onClose);
    this.server.forget(this);
  }

  /** Releases the socket to a tunnel, whose end ends the exchange. @returns early bytes */
  handOver(): Buffer | null {
    const early = this.#held;
    this.release();
    this.#socket.on('close', this.#onClose);
    return early;
  }

  #onBytes(bytes: Buffer): void {
    if (this.#lingersUntil !== 0) {
      // Not served, but a probe among them is recorded when the connection closes.
      if (!this.#discards && (this.#held?.length ?? 0) < maxHeld) this.hold(bytes);
      return;
    }
    // A client that does not read its answers is not served: each packet would add one more answer to its buffer.
    if (this.#exchange === null && !this.#socket.writableNeedDrain) {
      if (this.#held === null && this.#served) this.#since = this.server.now;
      this.#takeHead(this.#held === null ? bytes : Buffer.concat([this.#held, bytes]));
    } else if (this.#exchange?.takesBody === true) this.#exchange.takeBody(bytes);
    else this.hold(bytes);
  }

  #takeHead(bytes: Buffer): void {
    const { checkpoint, rateLimits, amend } = this.server;
    this.#held = null;
    // Only for the first request, before anything is read; later the verdict on the request itself ends the connection.
    if (!this.#served && checkpoint.turnAway(this.#socket)) {
      this.release();
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
      this.release();
      checkpoint.refuseRead(this.#socket, judged, rest, isWhole(request, rest));
      return;
    }
    checkpoint.passed(judged, this.#socket, start);
    const excess = rateLimits.hit(judged);
    if (excess !== null) {
      this.release();
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
      this.release();
      this.server.checkpoint.refuseLong(this.#socket, bytes);
    } else if (!this.#served && mayBecomeOther(bytes)) {
      this.#held = Buffer.from(bytes);
      this.#unknown = true;
    } else this.#refuseBytes(bytes);
  }

  #refuseBytes(bytes: Buffer): void {
    this.release();
    this.server.checkpoint.refuseBytes(this.#socket, bytes, !this.#served);
  }

  /** Closes once everything is written. RFC 9112 section 9.6: later requests are not served. */
  #finish(): void {
    this.#lingersUntil = this.server.now + lingerTime;
    this.#socket.destroySoon();
  }

  /** Closes after reading on for a while: closing with unread bytes would reset the connection under the answer. */
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

  /** As with nginx, a client that half-closes counts as gone: most of them have closed. */
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

  /** Pipelined requests whose client left may be probes: they are recorded too. */
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
