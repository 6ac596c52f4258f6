/** One connection of HTTP/2, RFC 9113: its frames, its streams, and its end. */
import type { Socket } from 'node:net';
import { Allowance } from '../h2/allowance.ts';
import {
  connectionWindow,
  emptyFrames,
  farewell,
  grownConnectionWindow,
  maxStreams,
  maxUnwritten,
  resets,
} from '../h2/bounds.ts';
import { FieldBlocks, type WholeBlock } from '../h2/field-blocks.ts';
import { Output } from '../h2/output.ts';
import { readSettings } from '../h2/read-settings.ts';
import { ReceiveWindow } from '../h2/receive-window.ts';
import { UnreadAnswer } from '../listener/unread-answer.ts';
import { errorCodes, type Fault, inConnection, inStream } from '../wire/h2-faults.ts';
import {
  checkFrame,
  type Frame,
  FrameReader,
  flags,
  frameTypes,
  goAwayFrame,
  maxWindow,
  numberAt,
  pingFrame,
  preface,
  rstStreamFrame,
  settingsAck,
  settingsFrame,
  windowUpdateFrame,
} from '../wire/h2-frames.ts';
import { HpackDecoder } from '../wire/hpack-decoder.ts';
import { ClosedStreams, ends } from './closed-streams.ts';
import type { Http2Server } from './server.ts';
import { openingSettings } from './settings.ts';
import { Http2Stream } from './stream.ts';

const { protocolError, flowControlError, enhanceYourCalm, noError } = errorCodes;
const frameHeadSize = 9;
/** The payload of the PING whose answer shows that the client knows of the GOAWAY before it. */
const drainPing = 'sekisho\0';

export class Http2Connection {
  readonly server: Http2Server;
  readonly socket: Socket;
  readonly output: Output;
  readonly #reader = new FrameReader();
  readonly #decoder = new HpackDecoder();
  readonly #blocks: FieldBlocks;
  readonly #streams = new Map<number, Http2Stream>();
  readonly #closed = new ClosedStreams();
  readonly #receive = new ReceiveWindow(connectionWindow);
  readonly #resets: Allowance;
  readonly #empty: Allowance;
  /** How much of the preface is still to come. */
  #prefaceLeft = preface.length;
  /** The first frame was SETTINGS. */
  #greeted = false;
  #lastStream = 0;
  /** What the client takes on a new stream. */
  #initialWindow = 65_535;
  /** It takes no more streams than it has: told (1), and told the last one (2). */
  #leaving: 0 | 1 | 2 = 0;
  #ended = false;
  /** Since when no stream is open, or a field block is. */
  #since: number;
  readonly #unread: UnreadAnswer;
  #served = false;
  /** A block was written: the next does not begin with a table size. */
  tableSet = false;

  constructor(server: Http2Server, socket: Socket) {
    this.server = server;
    this.socket = socket;
    const { limits, websocket } = server.options;
    const { headerBytes } = limits;
    this.#blocks = new FieldBlocks(headerBytes);
    this.#since = server.now;
    this.#unread = new UnreadAnswer(socket, server.now);
    this.#resets = new Allowance(resets, server.now);
    this.#empty = new Allowance(emptyFrames, server.now);
    this.output = new Output(socket, (bytes, whole) =>
      this.#empty.give(bytes / 1024 + (whole ? emptyFrames.perPiece : 0)),
    );
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('error', ignore);
    socket.on('close', this.#onClose);
    socket.on('drain', this.#onDrain);
    this.output.put(
      settingsFrame(openingSettings(headerBytes, websocket())) +
        windowUpdateFrame(0, connectionWindow - 65_535),
    );
    this.output.flush();
  }

  get #idle(): boolean {
    return this.#streams.size === 0;
  }

  /** Takes no new streams and ends with the last one; what is on its way already is served (RFC 9113 section 6.8). */
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

  /** The same, but what comes now is not served any more. */
  leave(): void {
    if (this.#leaving === 2 || this.#ended) return;
    this.#leaving = 2;
    this.output.put(goAwayFrame(this.#lastStream, noError, ''));
    this.#endIfDone();
  }

  /** Called every now and then: one timer for all connections instead of one for each. */
  checkDeadlines(): void {
    const { now } = this.server;
    const { limits } = this.server.options;
    const waited = now - this.#since;
    if (this.#unread.standsStill(now, limits.stall)) {
      this.socket.destroy();
      return;
    }
    if (this.#leaving === 1 && waited >= farewell) this.leave();
    if (this.#blocks.open && now - this.#blocks.since >= limits.head) {
      this.#fail(inConnection(enhanceYourCalm, 'a field block that does not end'));
      return;
    }
    for (const stream of this.#streams.values()) stream.checkDeadline(now);
    if (this.#idle && waited >= (this.#served ? limits.idle : limits.head)) this.leave();
  }

  /** A stream is done with. */
  finished(stream: Http2Stream, end: number): void {
    if (!this.#streams.delete(stream.id)) return;
    this.#closed.add(stream.id, end);
    if (end === ends.whole) {
      this.#empty.give(emptyFrames.perAnswer);
      this.#resets.give(1);
    }
    this.#since = this.server.now;
    this.#served = true;
    this.#endIfDone();
  }

  /** Ends a stream; the client is told why. */
  reset(stream: Http2Stream, code: number): void {
    this.output.put(rstStreamFrame(stream.id, code));
    this.finished(stream, ends.byUs);
  }

  /** Bytes of bodies have gone on, or are of no use: the client may send as many again. */
  give(bytes: number): void {
    const increment = this.#receive.give(bytes);
    if (increment > 0) this.output.put(windowUpdateFrame(0, increment));
  }

  grow(): void {
    const increment = this.#receive.grow(grownConnectionWindow);
    if (increment > 0) this.output.put(windowUpdateFrame(0, increment));
  }

  readonly #onData = (bytes: Buffer): void => {
    if (this.#ended) return;
    try {
      const rest = this.#prefaceLeft > 0 ? this.#readPreface(bytes) : bytes;
      if (rest === null) return;
      const fault = this.#reader.read(rest, this.#onFrame);
      if (fault !== null) this.#fail(fault, rest);
    } catch (error) {
      this.server.options.onError(error);
      this.#fail(inConnection(errorCodes.internalError, ''));
    }
    // Who does not take the answers is asked for no more.
    if (this.output.unwritten > maxUnwritten && !this.#ended) this.socket.pause();
  };

  readonly #onDrain = (): void => {
    if (this.socket.isPaused()) this.socket.resume();
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
    const fault = this.#take(frame);
    if (fault === null) return !this.#ended;
    const tooMany = fault.stream && !this.#neverOpened(frame) ? this.#resetFor(frame.stream, fault) : fault;
    if (tooMany === null) return true;
    this.#fail(
      tooMany,
      frame.bytes.subarray(Math.max(0, frame.end - frame.length - frameHeadSize), frame.end),
    );
    return false;
  };

  /** Section 5.1: such a stream can't be reset. */
  #neverOpened({ stream, type }: Frame): boolean {
    return stream > this.#lastStream && type !== frameTypes.headers && type !== frameTypes.continuation;
  }

  /** Ends a stream for a fault of the client. @returns a fault of the connection, where that is one too many */
  #resetFor(id: number, { code }: Fault): Fault | null {
    const stream = this.#streams.get(id);
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

  #take(frame: Frame): Fault | null {
    const { type } = frame;
    if (!this.#greeted) {
      if (type !== frameTypes.settings || (frame.flags & flags.ack) !== 0)
        return inConnection(protocolError, 'the first frame is no SETTINGS');
      this.#greeted = true;
    }
    // Section 6.10: nothing comes between the pieces of a block.
    if (this.#blocks.open !== (type === frameTypes.continuation))
      return inConnection(protocolError, 'a CONTINUATION of nothing, or another frame in its place');
    const fault = checkFrame(frame);
    // The block of a faulty one is read all the same: the table depends on it.
    if (type === frameTypes.headers && fault?.stream !== false) return this.#onHeaders(frame, fault);
    if (fault !== null) return fault;
    switch (type) {
      case frameTypes.data:
        return this.#onDataFrame(frame);
      case frameTypes.continuation:
        return this.#onContinuation(frame);
      case frameTypes.rstStream:
        return this.#onRstStream(frame);
      case frameTypes.windowUpdate:
        return this.#countEmpty() ?? this.#onWindowUpdate(frame);
      case frameTypes.settings:
        return this.#countEmpty() ?? this.#onSettings(frame);
      case frameTypes.ping:
        return this.#countEmpty() ?? this.#onPing(frame);
      case frameTypes.goAway:
        // It opens no more streams; those under way are served.
        this.leave();
        return null;
    }
    return this.#countEmpty();
  }

  #countEmpty(): Fault | null {
    return this.#empty.take(this.server.now)
      ? null
      : inConnection(enhanceYourCalm, 'too many frames that carry nothing');
  }

  #onHeaders(frame: Frame, fault: Fault | null): Fault | null {
    const block = this.#blocks.begin(frame, fault, this.server.now);
    return block === null ? null : this.#onBlock(block);
  }

  #onContinuation(frame: Frame): Fault | null {
    const fault = this.#blocks.add(frame);
    if (fault !== null || (frame.flags & flags.endHeaders) === 0) return fault;
    return this.#onBlock(this.#blocks.finish());
  }

  #onBlock({ stream: id, endsStream, bytes, start, end, fault }: WholeBlock): Fault | null {
    const block = this.#decoder.decode(bytes, start, end, this.server.options.limits.headerBytes);
    if (block === null) return inConnection(errorCodes.compressionError, this.#decoder.fault);
    const known = this.#streams.get(id);
    if (known !== undefined) return fault ?? known.onTrailers(block, endsStream);
    if ((id & 1) === 0) return inConnection(protocolError, 'a stream of an even number');
    if (id <= this.#lastStream) return this.#closed.faultOf(id, 'HEADERS');
    // Section 6.8: what comes behind a GOAWAY may be sent again on another connection.
    if (this.#leaving === 2) return null;
    this.#lastStream = id;
    if (fault !== null) return fault;
    if (this.#streams.size >= maxStreams) return inStream(errorCodes.refusedStream, 'too many streams');
    const stream = new Http2Stream(this, id, this.#initialWindow);
    this.#streams.set(id, stream);
    stream.begin(block, endsStream);
    return null;
  }

  /** No stream of that number was opened. Those behind a GOAWAY are not served, and not looked at. */
  #isIdle(id: number): boolean {
    return id > this.#lastStream && this.#leaving !== 2;
  }

  #onDataFrame(frame: Frame): Fault | null {
    const { stream: id, length } = frame;
    if (!this.#receive.take(length))
      return inConnection(flowControlError, 'more DATA than the connection takes');
    if (frame.start === frame.end && (frame.flags & flags.endStream) === 0) {
      const fault = this.#countEmpty();
      if (fault !== null) return fault;
    }
    const stream = this.#streams.get(id);
    if (stream !== undefined) return stream.onDataFrame(frame);
    this.give(length);
    if (this.#isIdle(id)) return inConnection(protocolError, 'DATA on a stream that was not opened');
    return id > this.#lastStream ? null : this.#closed.faultOf(id, 'DATA');
  }

  #onRstStream({ stream: id }: Frame): Fault | null {
    if (this.#isIdle(id)) return inConnection(protocolError, 'RST_STREAM on a stream that was not opened');
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#countEmpty();
    const { answered } = stream;
    stream.cancel();
    this.finished(stream, ends.byClient);
    return answered ? this.#countEmpty() : this.#countReset();
  }

  #onWindowUpdate(frame: Frame): Fault | null {
    const { stream: id } = frame;
    const increment = numberAt(frame, 0);
    if (id === 0)
      return this.output.widen(increment)
        ? null
        : inConnection(flowControlError, 'a window of the connection over 2^31-1');
    if (this.#isIdle(id)) return inConnection(protocolError, 'WINDOW_UPDATE on a stream that was not opened');
    const fits = this.#streams.get(id)?.widen(increment) ?? true;
    return fits ? null : inStream(flowControlError, 'a window of a stream over 2^31-1');
  }

  #onSettings(frame: Frame): Fault | null {
    if ((frame.flags & flags.ack) !== 0) return null;
    const settings = readSettings(frame);
    if ('code' in settings) return settings;
    this.output.put(settingsAck);
    const window = settings.initialWindow;
    if (window === null) return null;
    const change = window - this.#initialWindow;
    this.#initialWindow = window;
    for (const stream of this.#streams.values()) {
      if (!stream.widen(change)) return inConnection(flowControlError, 'a window of a stream over 2^31-1');
    }
    return null;
  }

  #onPing(frame: Frame): Fault | null {
    const payload = frame.bytes.toString('latin1', frame.start, frame.end);
    if ((frame.flags & flags.ack) === 0) this.output.put(pingFrame(payload, true));
    else if (this.#leaving === 1 && payload === drainPing) this.leave();
    return null;
  }

  /** As with HTTP/1, who stops sending is gone. */
  readonly #onEnd = (): void => {
    this.socket.destroy();
  };

  readonly #onClose = (): void => {
    this.#ended = true;
    this.server.forget(this);
    for (const stream of this.#streams.values()) stream.cancel();
    this.#streams.clear();
  };

  /** Ends the connection for a fault of the client, which is recorded with its bytes. */
  #fail({ code, why }: Fault, bytes?: Buffer): void {
    if (this.#ended) return;
    if (bytes !== undefined) {
      // Any page can have a browser reset requests as fast as it likes.
      const meant = code !== enhanceYourCalm;
      this.server.options.checkpoint.recordFrames(this.socket, why, bytes, meant);
    }
    for (const stream of this.#streams.values()) stream.cancel();
    this.#streams.clear();
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
