/** An HTTP/2 connection of a client, RFC 9113: its streams, its end, and what its faults cost. */
import type { Socket } from 'node:net';
import { connectionWindow, farewell, grownConnectionWindow, maxStreams, resets } from '../h2/bounds.ts';
import { Endpoint, windowTooLarge } from '../h2/endpoint.ts';
import type { WholeBlock } from '../h2/field-blocks.ts';
import { TokenBucket } from '../h2/token-bucket.ts';
import type { Member } from '../listener/members.ts';
import { UnreadAnswer } from '../listener/unread-answer.ts';
import { errorCodes, type Fault, inConnection, inStream } from '../wire/h2-faults.ts';
import {
  type Frame,
  frameTypes,
  goAwayFrame,
  maxWindow,
  pingFrame,
  preface,
  rstStreamFrame,
  settingsFrame,
  windowUpdateFrame,
} from '../wire/h2-frames.ts';
import type { FieldBlock } from '../wire/hpack-decoder.ts';
import { ClosedStreams, ends } from './closed-streams.ts';
import type { Http2Server } from './server.ts';
import { openingSettings } from './settings.ts';
import { Http2Stream } from './stream.ts';

const { protocolError, flowControlError, enhanceYourCalm, noError } = errorCodes;
const frameHeadSize = 9;
/** Payload of the PING whose answer shows that the client has read the GOAWAY before it. */
const drainPing = 'sekisho\0';

export class Http2Connection extends Endpoint<Http2Stream> implements Member {
  place = -1;
  readonly server: Http2Server;
  readonly #closed = new ClosedStreams();
  readonly #resets: TokenBucket;
  /** Bytes of the preface that are still to come. */
  #prefaceLeft = preface.length;
  #lastStream = 0;
  /** GOAWAY sent: 1 with no last stream yet, 2 with the last one. */
  #leaving: 0 | 1 | 2 = 0;
  #ended = false;
  /** Since when no stream is open. */
  #since: number;
  readonly #unread: UnreadAnswer;
  #served = false;

  constructor(server: Http2Server, socket: Socket) {
    const { limits, websocket } = server.options;
    const { headerBytes } = limits;
    super(socket, headerBytes, connectionWindow, server.now);
    this.server = server;
    this.#since = server.now;
    this.#unread = new UnreadAnswer(socket, server.now);
    this.#resets = new TokenBucket(resets, server.now);
    socket.on('data', this.#onBytes);
    socket.on('end', this.#onEnd);
    socket.on('error', ignore);
    socket.on('close', this.#onClose);
    this.output.put(
      settingsFrame(openingSettings(headerBytes, websocket())) +
        windowUpdateFrame(0, connectionWindow - 65_535),
    );
    this.output.flush();
  }

  protected override get now(): number {
    return this.server.now;
  }

  get #idle(): boolean {
    return this.streams.size === 0;
  }

  /** Takes no new streams and ends with the last one. Requests already on their way are served (RFC 9113 section 6.8). */
  drain(): void {
    if (this.#leaving !== 0 || this.#ended) return;
    if (this.#idle) {
      this.leave();
      return;
    }
    this.#leaving = 1;
    this.#since = this.server.now;
    this.output.put(goAwayFrame(maxWindow, noError, '') + pingFrame(drainPing, false));
  }

  /** As `drain`, but requests that arrive from now on are not served. */
  leave(): void {
    if (this.#leaving === 2 || this.#ended) return;
    this.#leaving = 2;
    this.output.put(goAwayFrame(this.#lastStream, noError, ''));
    this.#endIfDone();
  }

  /** Called by the one timer that all connections share. */
  checkDeadlines(): void {
    const { now } = this.server;
    const { limits } = this.server.options;
    const waited = now - this.#since;
    if (this.#unread.standsStill(now, limits.stall)) {
      this.socket.destroy();
      return;
    }
    if (this.#leaving === 1 && waited >= farewell) this.leave();
    if (this.blocks.open && now - this.blocks.since >= limits.head) {
      this.#fail(inConnection(enhanceYourCalm, 'a field block that does not end'));
      return;
    }
    this.streams.each((stream) => stream.checkDeadline(now));
    if (this.#idle && waited >= (this.#served ? limits.idle : limits.head)) this.leave();
  }

  finished(stream: Http2Stream, end: number): void {
    if (!this.streams.delete(stream.id)) return;
    this.#closed.add(stream.id, end);
    if (end === ends.whole) {
      this.answered();
      this.#resets.give(1);
    }
    this.#since = this.server.now;
    this.#served = true;
    // Every request is answered: the client may be waiting for this before it sends the next, so the end of the turn is too late.
    if (this.#idle) this.output.flush();
    this.#endIfDone();
  }

  reset(stream: Http2Stream, code: number): void {
    this.output.put(rstStreamFrame(stream.id, code));
    this.finished(stream, ends.byUs);
  }

  /** A backend takes a body: the client may send faster. */
  grow(): void {
    const increment = this.received.grow(grownConnectionWindow);
    if (increment > 0) this.output.put(windowUpdateFrame(0, increment));
  }

  readonly #onBytes = (bytes: Buffer): void => {
    if (this.#ended) return;
    try {
      const rest = this.#prefaceLeft > 0 ? this.#readPreface(bytes) : bytes;
      if (rest === null) return;
      const fault = this.readFrames(rest, this.#onFrame);
      if (fault !== null) this.#fail(fault, rest);
    } catch (error) {
      this.server.options.onError(error);
      this.#fail(inConnection(errorCodes.internalError, ''));
    }
    if (!this.#ended) this.pauseIfUnread();
  };

  #readPreface(bytes: Buffer): Buffer | null {
    const length = Math.min(this.#prefaceLeft, bytes.length);
    const at = preface.length - this.#prefaceLeft;
    if (bytes.toString('latin1', 0, length) !== preface.slice(at, at + length)) {
      this.#fail(inConnection(protocolError, 'the connection does not begin as HTTP/2 does'), bytes);
      return null;
    }
    this.#prefaceLeft -= length;
    return length < bytes.length ? bytes.subarray(length) : null;
  }

  readonly #onFrame = (frame: Frame): boolean => {
    const fault = this.take(frame);
    if (fault === null) return !this.#ended;
    const tooMany = fault.stream && !this.#neverOpened(frame) ? this.#resetFor(frame.stream, fault) : fault;
    if (tooMany === null) return true;
    this.#fail(
      tooMany,
      frame.bytes.subarray(Math.max(0, frame.end - frame.length - frameHeadSize), frame.end),
    );
    return false;
  };

  /** Section 5.1: RST_STREAM on an idle stream is an error itself. */
  #neverOpened({ stream, type }: Frame): boolean {
    return stream > this.#lastStream && type !== frameTypes.headers && type !== frameTypes.continuation;
  }

  /** Ends a stream for a fault of the client. @returns a fault of the connection, where that is one reset too many */
  #resetFor(id: number, { code }: Fault): Fault | null {
    const stream = this.streams.get(id);
    if (stream !== undefined) stream.fail(code);
    else {
      this.output.put(rstStreamFrame(id, code));
      if (this.#closed.endOf(id) === 0) this.#closed.add(id, ends.byUs);
    }
    return this.#countReset();
  }

  #countReset(): Fault | null {
    return this.#resets.take(this.server.now)
      ? null
      : inConnection(enhanceYourCalm, 'too many streams reset');
  }

  protected override onFields(
    { stream: id, endsStream, fault }: WholeBlock,
    block: FieldBlock,
  ): Fault | null {
    const known = this.streams.get(id);
    if (known !== undefined) return fault ?? known.onTrailers(block, endsStream);
    if ((id & 1) === 0) return inConnection(protocolError, 'a stream with an even number');
    if (id <= this.#lastStream) return this.#closed.faultOf(id, 'HEADERS');
    // Section 6.8: the client may send requests after our GOAWAY again on another connection.
    if (this.#leaving === 2) return null;
    this.#lastStream = id;
    if (fault !== null) return fault;
    if (this.streams.size >= maxStreams) return inStream(errorCodes.refusedStream, 'too many streams');
    const stream = new Http2Stream(this, id, this.initialWindow);
    this.streams.add(id, stream);
    stream.begin(block, endsStream);
    return null;
  }

  /** Idle as in section 5.1. After our GOAWAY new streams are ignored, not a fault. */
  #isIdle(id: number): boolean {
    return id > this.#lastStream && this.#leaving !== 2;
  }

  protected override onDataFrame(frame: Frame): Fault | null {
    const { stream: id, length } = frame;
    const stream = this.streams.get(id);
    if (stream !== undefined) return stream.onDataFrame(frame);
    this.give(length);
    if (this.#isIdle(id)) return inConnection(protocolError, 'DATA on a stream that was not opened');
    return id > this.#lastStream ? null : this.#closed.faultOf(id, 'DATA');
  }

  protected override onRstStream({ stream: id }: Frame): Fault | null {
    if (this.#isIdle(id)) return inConnection(protocolError, 'RST_STREAM on a stream that was not opened');
    const stream = this.streams.get(id);
    if (stream === undefined) return this.countEmpty();
    const { answered } = stream;
    stream.cancel();
    this.finished(stream, ends.byClient);
    return answered ? this.countEmpty() : this.#countReset();
  }

  protected override onStreamWindow(id: number, increment: number): Fault | null {
    if (this.#isIdle(id)) return inConnection(protocolError, 'WINDOW_UPDATE on a stream that was not opened');
    const fits = this.streams.get(id)?.widen(increment) ?? true;
    return fits ? null : inStream(flowControlError, windowTooLarge);
  }

  protected override onSettings(): void {}

  protected override onPong(payload: string): void {
    if (this.#leaving === 1 && payload === drainPing) this.leave();
  }

  /** The client opens no more streams; those under way are served. */
  protected override onGoAway(): void {
    this.leave();
  }

  /** As with HTTP/1, a client that half-closes counts as gone. */
  readonly #onEnd = (): void => {
    this.socket.destroy();
  };

  readonly #onClose = (): void => {
    this.#ended = true;
    this.server.forget(this);
    this.streams.each((stream) => stream.cancel());
    this.streams.clear();
  };

  /** Ends the connection for a fault of the client and records the bytes of that fault. */
  #fail({ code, why }: Fault, bytes?: Buffer): void {
    if (this.#ended) return;
    if (bytes !== undefined) {
      // Any page can make a browser reset requests as fast as it likes: that must not count towards a ban.
      const meant = code !== enhanceYourCalm;
      this.server.options.checkpoint.recordFrames(this.socket, why, bytes, meant);
    }
    this.streams.each((stream) => stream.cancel());
    this.streams.clear();
    this.output.put(goAwayFrame(this.#lastStream, code, why));
    this.#end();
    setTimeout(() => this.socket.destroy(), farewell).unref();
  }

  #endIfDone(): void {
    if (this.#leaving === 2 && this.#idle) this.#end();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.output.end();
  }
}

const ignore = (): void => {};
