/** One connection of HTTP/2 to a backend, RFC 9113: it carries many exchanges at a time, each on a stream. */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { Allowance } from '../h2/allowance.ts';
import {
  backendConnectionWindow,
  backendStreamWindow,
  emptyFrames,
  maxBackendStreams,
  maxUnwritten,
} from '../h2/bounds.ts';
import { FieldBlocks, type WholeBlock } from '../h2/field-blocks.ts';
import { Output } from '../h2/output.ts';
import { readSettings } from '../h2/read-settings.ts';
import { ReceiveWindow } from '../h2/receive-window.ts';
import { refusedHere } from '../listener/refused-dial.ts';
import { errorCodes, type Fault, inConnection } from '../wire/h2-faults.ts';
import {
  checkFrame,
  type Frame,
  FrameReader,
  flags,
  frameTypes,
  goAwayFrame,
  numberAt,
  pingFrame,
  preface,
  settingIds,
  settingsAck,
  settingsFrame,
  windowUpdateFrame,
} from '../wire/h2-frames.ts';
import { HpackDecoder } from '../wire/hpack-decoder.ts';
import { type BackendAddress, backendName, dial } from './backend.ts';
import type { BackendStream } from './backend-stream.ts';
import type { ConnectionWatch } from './connection-watch.ts';
import { UpstreamError } from './upstream-error.ts';
import type { Clock, UpstreamTimeouts } from './upstream-exchange.ts';

const { protocolError, flowControlError, enhanceYourCalm, noError } = errorCodes;
/** A head larger than this is not one. */
export const maxHead = 64 * 1024;
/** The last number of a stream; behind it there is none. */
const lastNumber = 0x7fffffff;

const noHttp2 = 'does not speak HTTP/2 over TLS: write https:// for it';

export class StreamConnection {
  readonly name: string;
  readonly scheme: 'http' | 'https';
  readonly timeouts: UpstreamTimeouts;
  readonly clock: Clock;
  readonly output: Output;
  readonly #socket: Socket;
  readonly #watch: ConnectionWatch;
  readonly #reader = new FrameReader();
  readonly #decoder = new HpackDecoder();
  readonly #blocks = new FieldBlocks(maxHead);
  readonly #streams = new Map<number, BackendStream>();
  readonly #receive = new ReceiveWindow(backendConnectionWindow);
  readonly #empty: Allowance;
  #phase: 'connecting' | 'ready' | 'leaving' | 'gone' = 'connecting';
  #next = 1;
  /** How many streams the backend takes at a time. */
  #most = maxBackendStreams;
  /** What it takes on a new stream. */
  initialWindow = 65_535;
  /** A field block was written: the next does not begin with a table size. */
  tableSet = false;
  /** Exchanges carried so far. */
  carried = 0;
  /** When it was dialled, on the clock. */
  readonly since: number;
  readonly #deadline: number;
  /** Since when it carries nothing, on the clock. */
  idleSince: number;

  /** @param socket on its way there */
  constructor(
    address: BackendAddress,
    timeouts: UpstreamTimeouts,
    clock: Clock,
    watch: ConnectionWatch,
    socket: Socket = dial(address),
  ) {
    this.name = backendName(address);
    this.scheme = address.kind === 'tls' ? 'https' : 'http';
    this.timeouts = timeouts;
    this.clock = clock;
    this.#watch = watch;
    this.since = clock.now;
    this.#deadline = clock.now + timeouts.connect;
    this.idleSince = clock.now;
    this.#empty = new Allowance(emptyFrames, clock.now);
    this.#socket = socket;
    this.output = new Output(socket, (bytes, whole) =>
      this.#empty.give(bytes / 1024 + (whole ? emptyFrames.perPiece : 0)),
    );
    socket.once(address.kind === 'tls' ? 'secureConnect' : 'connect', () => this.#onConnect(address));
    socket.on('data', this.#onData);
    socket.on('drain', () => socket.resume());
    socket.on('end', () => this.#fail('closed the connection'));
    socket.on('error', (error) => this.#onError(error));
    socket.on('close', () => this.#fail('closed the connection'));
  }

  /** Exchanges under way. */
  get load(): number {
    return this.#streams.size;
  }

  get connecting(): boolean {
    return this.#phase === 'connecting';
  }

  /** How many more exchanges it takes. */
  get room(): number {
    if (this.#phase !== 'ready' || this.#next > lastNumber) return 0;
    return Math.max(0, Math.min(this.#most, maxBackendStreams) - this.#streams.size);
  }

  /** It takes no exchange, and none of its own keeps it from that. */
  get refuses(): boolean {
    return this.#phase === 'ready' && this.#streams.size === 0 && this.room === 0;
  }

  /** An exchange begins. @returns the number of its stream */
  add(stream: BackendStream): number {
    const id = this.#next;
    this.#next += 2;
    this.#streams.set(id, stream);
    return id;
  }

  /** An exchange is over. `freed` is to be called once whom it concerns has been told. */
  remove(id: number): void {
    if (!this.#streams.delete(id)) return;
    this.carried++;
    this.#empty.give(emptyFrames.perAnswer);
    this.idleSince = this.clock.now;
  }

  freed(): void {
    if (this.#phase === 'leaving' && this.#streams.size === 0) this.#end();
    this.#watch.onRoom(this);
  }

  /** Ends it with its last exchange. */
  leave(): void {
    if (this.#phase === 'ready') this.#phase = 'leaving';
    if (this.#phase === 'leaving' && this.#streams.size === 0) this.#end();
  }

  /** Ends it at once, without a word to anybody. */
  destroy(): void {
    this.#phase = 'gone';
    this.#streams.clear();
    this.#socket.destroy();
  }

  /** Called every now and then by the pool. */
  checkDeadlines(): void {
    const { now } = this.clock;
    if (this.#phase === 'connecting') {
      if (now < this.#deadline) return;
      this.#gone(
        () => new UpstreamError(504, `${this.name} did not accept a connection of HTTP/2 in time`, 'unsent'),
      );
    } else if (this.#blocks.open && now - this.#blocks.since >= this.timeouts.headers)
      this.#fail('sends a field block that does not end');
    else for (const stream of this.#streams.values()) stream.checkDeadline(now);
  }

  #onConnect(address: BackendAddress): void {
    if (address.kind === 'tls' && (this.#socket as TLSSocket).alpnProtocol !== 'h2') {
      this.#fail(noHttp2);
      return;
    }
    this.output.put(
      preface +
        settingsFrame([
          [settingIds.enablePush, 0],
          [settingIds.initialWindowSize, backendStreamWindow],
          [settingIds.maxHeaderListSize, maxHead],
        ]) +
        windowUpdateFrame(0, backendConnectionWindow - 65_535),
    );
    this.output.flush();
  }

  readonly #onData = (bytes: Buffer): void => {
    if (this.#phase === 'gone') return;
    try {
      const fault = this.#reader.read(bytes, this.#onFrame);
      if (fault !== null) this.#failFor(fault);
    } catch (error) {
      this.#failFor(inConnection(errorCodes.internalError, `what cannot be taken: ${error}`));
    }
    // It must take what is answered to its frames before it is asked for more.
    if (this.output.unwritten > maxUnwritten) this.#socket.pause();
  };

  readonly #onFrame = (frame: Frame): boolean => {
    const fault = this.#take(frame);
    if (fault !== null) this.#failFor(fault);
    return this.#phase !== 'gone';
  };

  /** @returns a fault, of the connection or of a stream */
  #take(frame: Frame): Fault | null {
    const { type } = frame;
    if (this.#phase === 'connecting' && (type !== frameTypes.settings || (frame.flags & flags.ack) !== 0))
      return inConnection(protocolError, 'a first frame that is no SETTINGS');
    if (this.#blocks.open !== (type === frameTypes.continuation))
      return inConnection(protocolError, 'a CONTINUATION of nothing, or another frame in its place');
    const fault = checkFrame(frame);
    if (type === frameTypes.headers && fault?.stream !== false) return this.#onHeaders(frame, fault);
    if (fault !== null) return this.#ofStream(frame, fault);
    switch (type) {
      case frameTypes.data:
        return this.#onDataFrame(frame);
      case frameTypes.continuation: {
        const wrong = this.#blocks.add(frame);
        if (wrong !== null || (frame.flags & flags.endHeaders) === 0) return wrong;
        return this.#onBlock(this.#blocks.finish());
      }
      case frameTypes.rstStream: {
        const stream = this.#streams.get(frame.stream);
        if (stream === undefined) return this.#unknown(frame.stream) ?? this.#countEmpty();
        stream.onReset(numberAt(frame, 0));
        return null;
      }
      case frameTypes.windowUpdate:
        return this.#countEmpty() ?? this.#onWindowUpdate(frame);
      case frameTypes.settings:
        return this.#countEmpty() ?? this.#onSettings(frame);
      case frameTypes.ping:
        if ((frame.flags & flags.ack) === 0)
          this.output.put(pingFrame(frame.bytes.toString('latin1', frame.start, frame.end), true));
        return this.#countEmpty();
      case frameTypes.goAway:
        this.#onGoAway(numberAt(frame, 0));
        return null;
    }
    return this.#countEmpty();
  }

  #countEmpty(): Fault | null {
    return this.#empty.take(this.clock.now)
      ? null
      : inConnection(enhanceYourCalm, 'too many frames that carry nothing');
  }

  /** Where the stream alone is at fault it ends, and the others go on. */
  #ofStream({ stream: id }: Frame, fault: Fault): Fault | null {
    if (!fault.stream) return fault;
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#unknown(id);
    stream.malformed(fault.why, fault.code);
    return null;
  }

  /** A frame of a stream that is not open: one that was, until it was on its way. */
  #unknown(id: number): Fault | null {
    return (id & 1) === 1 && id < this.#next
      ? null
      : inConnection(protocolError, 'a frame of a stream that was not opened');
  }

  #onHeaders(frame: Frame, fault: Fault | null): Fault | null {
    const block = this.#blocks.begin(frame, fault, this.clock.now);
    return block === null ? null : this.#onBlock(block);
  }

  #onBlock({ stream: id, endsStream, bytes, start, end, fault }: WholeBlock): Fault | null {
    // Read whatever becomes of the stream: the table of the connection depends on it.
    const block = this.#decoder.decode(bytes, start, end, maxHead);
    if (block === null) return inConnection(errorCodes.compressionError, this.#decoder.fault);
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#unknown(id);
    if (fault !== null) stream.malformed(fault.why, fault.code);
    else stream.onBlock(block, endsStream);
    return null;
  }

  #onDataFrame(frame: Frame): Fault | null {
    const { stream: id, length, start, end } = frame;
    if (!this.#receive.take(length)) return inConnection(flowControlError, 'more DATA than it may send');
    // What a stream holds is bounded by its own window.
    const increment = this.#receive.give(length);
    if (increment > 0) this.output.put(windowUpdateFrame(0, increment));
    const endsStream = (frame.flags & flags.endStream) !== 0;
    if (start === end && !endsStream) {
      const fault = this.#countEmpty();
      if (fault !== null) return fault;
    }
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#unknown(id);
    stream.onDataFrame(frame.bytes.subarray(start, end), length, endsStream);
    return null;
  }

  #onWindowUpdate(frame: Frame): Fault | null {
    const { stream: id } = frame;
    const increment = numberAt(frame, 0);
    const tooWide = inConnection(flowControlError, 'a window over 2^31-1');
    if (id === 0) return this.output.widen(increment) ? null : tooWide;
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#unknown(id);
    return stream.widen(increment) ? null : tooWide;
  }

  #onSettings(frame: Frame): Fault | null {
    if ((frame.flags & flags.ack) !== 0) return null;
    const settings = readSettings(frame);
    if ('code' in settings) return settings;
    this.output.put(settingsAck);
    if (settings.maxStreams !== null) this.#most = settings.maxStreams;
    if (settings.initialWindow !== null) {
      const change = settings.initialWindow - this.initialWindow;
      this.initialWindow = settings.initialWindow;
      for (const stream of this.#streams.values())
        if (!stream.widen(change)) return inConnection(flowControlError, 'a window over 2^31-1');
    }
    if (this.#phase === 'connecting') {
      this.#phase = 'ready';
      this.#watch.onReady(this);
    } else this.#watch.onRoom(this);
    return null;
  }

  /** RFC 9113 section 6.8: streams behind the last one were not looked at, and may be sent elsewhere. */
  #onGoAway(last: number): void {
    if (this.#phase === 'ready') this.#phase = 'leaving';
    for (const [id, stream] of this.#streams)
      if (id > last) {
        this.#streams.delete(id);
        stream.gone(
          new UpstreamError(503, `${this.name} ends connections before it looks at a request`, 'drained'),
        );
      }
    if (this.#streams.size === 0) this.#end();
    this.#watch.onRoom(this);
  }

  #onError(error: Error): void {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL') {
      this.#fail(noHttp2, error);
      return;
    }
    const why = this.#phase === 'connecting' ? 'accepts no connection' : 'broke the connection';
    this.#fail(
      `${why}: ${error.message || (error as NodeJS.ErrnoException).code}${refusedHere(error)}`,
      error,
    );
  }

  /** It has broken the protocol. */
  #failFor({ code, why }: Fault): void {
    this.output.put(goAwayFrame(0, code, ''));
    this.output.flush();
    const greeted = this.#phase !== 'connecting';
    this.#fail(greeted ? `sent ${why}` : 'does not speak HTTP/2: write http:// or https:// for it');
  }

  #fail(what: string, cause?: unknown): void {
    const fresh = this.#phase === 'connecting';
    this.#gone(
      (touched) =>
        new UpstreamError(
          502,
          `${this.name} ${what}`,
          fresh ? 'unsent' : !touched && this.carried > 0 ? 'retryable' : 'sent',
          cause,
        ),
    );
  }

  /** @param errorOf by whether some of the answer has come */
  #gone(errorOf: (touched: boolean) => UpstreamError): void {
    if (this.#phase === 'gone') return;
    const fresh = this.#phase === 'connecting';
    this.#phase = 'gone';
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    this.#socket.destroy();
    this.#watch.onGone(this, fresh ? errorOf(false) : null);
    for (const stream of streams) stream.gone(errorOf(stream.touched));
  }

  #end(): void {
    if (this.#phase === 'gone') return;
    this.#phase = 'gone';
    this.output.put(goAwayFrame(0, noError, ''));
    this.output.end();
    this.#watch.onGone(this, null);
  }
}
