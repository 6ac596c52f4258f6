/** One end of an HTTP/2 connection, RFC 9113: the part that connections to clients and to backends share. */
import type { Socket } from 'node:net';
import { errorCodes, type Fault, inConnection } from '../wire/h2-faults.ts';
import {
  checkFrame,
  type Frame,
  FrameReader,
  flags,
  frameTypes,
  numberAt,
  pingFrame,
  settingsAck,
  windowUpdateFrame,
} from '../wire/h2-frames.ts';
import { type FieldBlock, HpackDecoder } from '../wire/hpack-decoder.ts';
import { emptyFrames, maxUnwritten } from './bounds.ts';
import { FieldBlocks, type WholeBlock } from './field-blocks.ts';
import { OpenStreams } from './open-streams.ts';
import { Output } from './output.ts';
import { type PeerSettings, readSettings } from './read-settings.ts';
import { ReceiveWindow } from './receive-window.ts';
import { TokenBucket } from './token-bucket.ts';

const { protocolError, flowControlError, compressionError, enhanceYourCalm } = errorCodes;

/** RFC 9113 section 6.9.1. */
export const windowTooLarge = 'a flow-control window over 2^31-1';

interface FlowControlled {
  /** The peer changes the send window. @returns false where that exceeds 2^31-1 */
  widen(change: number): boolean;
}

export abstract class Endpoint<Stream extends FlowControlled> {
  readonly socket: Socket;
  readonly output: Output;
  /** A field block was written: the next one does not begin with a dynamic table size update. */
  tableSet = false;
  /** Send window of a new stream: the peer's SETTINGS_INITIAL_WINDOW_SIZE. */
  initialWindow = 65_535;
  protected readonly streams = new OpenStreams<Stream>();
  protected readonly blocks: FieldBlocks;
  protected readonly received: ReceiveWindow;
  readonly #reader = new FrameReader();
  readonly #decoder = new HpackDecoder();
  readonly #headerBytes: number;
  readonly #empty: TokenBucket;
  /** The first frame was SETTINGS. */
  #greeted = false;

  /**
   * @param headerBytes limit of a decoded field block
   * @param window what the peer may send on the connection, in bytes
   */
  constructor(socket: Socket, headerBytes: number, window: number, now: number) {
    this.socket = socket;
    this.#headerBytes = headerBytes;
    this.blocks = new FieldBlocks(headerBytes);
    this.received = new ReceiveWindow(window);
    this.#empty = new TokenBucket(emptyFrames, now);
    this.output = new Output(socket, (bytes, whole) =>
      this.#empty.give(bytes / 1024 + (whole ? emptyFrames.perPiece : 0)),
    );
    socket.on('drain', this.#onDrain);
  }

  /** Milliseconds. */
  protected abstract get now(): number;
  /** A decoded field block: a head or trailers. */
  protected abstract onFields(block: WholeBlock, fields: FieldBlock): Fault | null;
  protected abstract onDataFrame(frame: Frame): Fault | null;
  protected abstract onRstStream(frame: Frame): Fault | null;
  protected abstract onStreamWindow(stream: number, increment: number): Fault | null;
  protected abstract onGoAway(lastStream: number): void;
  /** SETTINGS whose initial window is in force already. */
  protected abstract onSettings(settings: PeerSettings): void;
  /** The answer to a PING of ours. */
  protected abstract onPong(payload: string): void;

  /** Bytes of bodies were passed on or dropped: the peer may send as many again. */
  give(bytes: number): void {
    const increment = this.received.give(bytes);
    if (increment > 0) this.output.put(windowUpdateFrame(0, increment));
  }

  /** Cuts bytes into frames. @param onFrame returns false to stop @returns a fault of the connection */
  protected readFrames(bytes: Buffer, onFrame: (frame: Frame) => boolean): Fault | null {
    return this.#reader.read(bytes, onFrame);
  }

  /** A peer that does not read the answers to its frames is not read either. */
  protected pauseIfUnread(): void {
    if (this.output.unwritten > maxUnwritten) this.socket.pause();
  }

  /** @returns what the peer did wrong with this frame */
  protected take(frame: Frame): Fault | null {
    const { type } = frame;
    if (!this.#greeted) {
      // Section 3.4.
      if (type !== frameTypes.settings || (frame.flags & flags.ack) !== 0)
        return inConnection(protocolError, 'a first frame other than SETTINGS');
      this.#greeted = true;
    }
    // Section 6.10: no other frame comes between the pieces of a field block.
    if (this.blocks.open !== (type === frameTypes.continuation))
      return inConnection(protocolError, 'CONTINUATION outside a field block, or another frame inside one');
    const fault = checkFrame(frame);
    // A block is decoded even if its stream is at fault: the dynamic table depends on it.
    if (type === frameTypes.headers && fault?.stream !== false) return this.#onHeaders(frame, fault);
    if (fault !== null) return fault;
    switch (type) {
      case frameTypes.data:
        return this.#onData(frame);
      case frameTypes.continuation:
        return this.#onContinuation(frame);
      case frameTypes.rstStream:
        return this.onRstStream(frame);
      case frameTypes.windowUpdate:
        return this.countEmpty() ?? this.#onWindowUpdate(frame);
      case frameTypes.settings:
        return this.countEmpty() ?? this.#onSettings(frame);
      case frameTypes.ping:
        return this.countEmpty() ?? this.#onPing(frame);
      case frameTypes.goAway:
        this.onGoAway(numberAt(frame, 0));
        return null;
    }
    return this.countEmpty();
  }

  /** Counts a frame that carries nothing (`emptyFrames`). */
  protected countEmpty(): Fault | null {
    return this.#empty.take(this.now)
      ? null
      : inConnection(enhanceYourCalm, 'too many frames that carry nothing');
  }

  /** A message was answered in full: some more frames that carry nothing are ordinary. */
  protected answered(): void {
    this.#empty.give(emptyFrames.perAnswer);
  }

  readonly #onDrain = (): void => {
    if (this.socket.isPaused()) this.socket.resume();
  };

  #onHeaders(frame: Frame, fault: Fault | null): Fault | null {
    const block = this.blocks.begin(frame, fault, this.now);
    return block === null ? null : this.#onBlock(block);
  }

  #onContinuation(frame: Frame): Fault | null {
    const fault = this.blocks.add(frame);
    if (fault !== null || (frame.flags & flags.endHeaders) === 0) return fault;
    return this.#onBlock(this.blocks.finish());
  }

  #onBlock(block: WholeBlock): Fault | null {
    const fields = this.#decoder.decode(block.bytes, block.start, block.end, this.#headerBytes);
    if (fields === null) return inConnection(compressionError, this.#decoder.fault);
    return this.onFields(block, fields);
  }

  #onData(frame: Frame): Fault | null {
    if (!this.received.take(frame.length))
      return inConnection(flowControlError, 'more DATA than the connection takes');
    if (frame.start === frame.end && (frame.flags & flags.endStream) === 0) {
      const fault = this.countEmpty();
      if (fault !== null) return fault;
    }
    return this.onDataFrame(frame);
  }

  #onWindowUpdate(frame: Frame): Fault | null {
    const increment = numberAt(frame, 0);
    if (frame.stream !== 0) return this.onStreamWindow(frame.stream, increment);
    return this.output.widen(increment) ? null : inConnection(flowControlError, windowTooLarge);
  }

  #onSettings(frame: Frame): Fault | null {
    if ((frame.flags & flags.ack) !== 0) return null;
    const settings = readSettings(frame);
    if ('code' in settings) return settings;
    this.output.put(settingsAck);
    if (settings.initialWindow !== null) {
      const change = settings.initialWindow - this.initialWindow;
      this.initialWindow = settings.initialWindow;
      let fits = true;
      this.streams.each((stream) => {
        fits = stream.widen(change) && fits;
      });
      if (!fits) return inConnection(flowControlError, windowTooLarge);
    }
    this.onSettings(settings);
    return null;
  }

  #onPing(frame: Frame): Fault | null {
    const payload = frame.bytes.toString('latin1', frame.start, frame.end);
    if ((frame.flags & flags.ack) === 0) this.output.put(pingFrame(payload, true));
    else this.onPong(payload);
    return null;
  }
}
