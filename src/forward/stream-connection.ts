/** An HTTP/2 connection to a backend, RFC 9113: carries many exchanges at a time, each on a stream. */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { backendConnectionWindow, backendStreamWindow, maxBackendStreams } from '../h2/bounds.ts';
import { Endpoint, windowTooLarge } from '../h2/endpoint.ts';
import type { WholeBlock } from '../h2/field-blocks.ts';
import type { PeerSettings } from '../h2/read-settings.ts';
import { errorCodes, type Fault, inConnection, inStream } from '../wire/h2-faults.ts';
import {
  type Frame,
  flags,
  goAwayFrame,
  numberAt,
  preface,
  settingIds,
  settingsFrame,
  windowUpdateFrame,
} from '../wire/h2-frames.ts';
import type { FieldBlock } from '../wire/hpack-decoder.ts';
import { type BackendAddress, backendName, dial } from './backend.ts';
import type { ConnectionWatch } from './connection-watch.ts';
import { EndingStream } from './ending-stream.ts';
import { UpstreamError } from './upstream-error.ts';
import type { Clock, UpstreamTimeouts } from './upstream-exchange.ts';
import { notAccepted, socketProblem } from './upstream-failures.ts';

const { protocolError, flowControlError, internalError, noError } = errorCodes;
/** Limit of a response head, in bytes. */
export const maxHead = 64 * 1024;
/** Stream identifiers end here (RFC 9113 section 5.1.1). */
const lastNumber = 0x7fffffff;

const noHttp2 = 'does not speak HTTP/2 over TLS: write https:// for it';

/** A stream of a connection, which calls these methods. */
export interface CarriedStream {
  /** The head of the answer has arrived. */
  readonly touched: boolean;
  /** The backend changes the send window. @returns false where that exceeds 2^31-1 */
  widen(change: number): boolean;
  checkDeadline(now: number): void;
  onBlock(block: FieldBlock, endsStream: boolean): void;
  /** @param length of the frame, padding included */
  onDataFrame(data: Buffer, length: number, endsStream: boolean): void;
  onReset(code: number): void;
  /** The backend broke the protocol. */
  malformed(why: string, code: number): void;
  /** The connection has ended. */
  gone(error: UpstreamError): void;
}

export class StreamConnection extends Endpoint<CarriedStream> {
  readonly name: string;
  readonly scheme: 'http' | 'https';
  readonly timeouts: UpstreamTimeouts;
  readonly clock: Clock;
  readonly #watch: ConnectionWatch;
  #phase: 'connecting' | 'ready' | 'leaving' | 'gone' = 'connecting';
  #next = 1;
  /** The backend's SETTINGS_MAX_CONCURRENT_STREAMS. */
  #most = maxBackendStreams;
  /** Exchanges carried so far. */
  carried = 0;
  /** When it was dialled, on the clock. */
  readonly since: number;
  readonly #deadline: number;
  /** Since when it carries nothing, on the clock. */
  idleSince: number;

  /** @param socket being connected */
  constructor(
    address: BackendAddress,
    timeouts: UpstreamTimeouts,
    clock: Clock,
    watch: ConnectionWatch,
    socket: Socket = dial(address),
  ) {
    super(socket, maxHead, backendConnectionWindow, clock.now);
    this.name = backendName(address);
    this.scheme = address.kind === 'tls' ? 'https' : 'http';
    this.timeouts = timeouts;
    this.clock = clock;
    this.#watch = watch;
    this.since = clock.now;
    this.#deadline = clock.now + timeouts.connect;
    this.idleSince = clock.now;
    socket.once(address.kind === 'tls' ? 'secureConnect' : 'connect', () => this.#onConnect(address));
    socket.on('data', this.#onBytes);
    socket.on('end', () => this.#fail('closed the connection'));
    socket.on('error', (error) => this.#onError(error));
    socket.on('close', () => this.#fail('closed the connection'));
  }

  protected override get now(): number {
    return this.clock.now;
  }

  /** Exchanges under way. */
  get load(): number {
    return this.streams.size;
  }

  get connecting(): boolean {
    return this.#phase === 'connecting';
  }

  /** How many more exchanges it takes. */
  get room(): number {
    if (this.#phase !== 'ready' || this.#next > lastNumber) return 0;
    return Math.max(0, Math.min(this.#most, maxBackendStreams) - this.streams.size);
  }

  /** The backend allows no stream at all. */
  get refuses(): boolean {
    return this.#phase === 'ready' && this.streams.size === 0 && this.room === 0;
  }

  /** An exchange begins. @returns the number of its stream */
  add(stream: CarriedStream): number {
    const id = this.#next;
    this.#next += 2;
    this.streams.add(id, stream);
    return id;
  }

  /** The client of an exchange has its answer, and the backend has yet to end the stream. */
  awaitEnd(id: number): void {
    this.streams.delete(id);
    this.streams.add(id, new EndingStream(this, id));
  }

  /** An exchange is over. Call `freed` once its client knows. */
  remove(id: number): void {
    if (!this.streams.delete(id)) return;
    this.carried++;
    this.answered();
    this.idleSince = this.clock.now;
  }

  freed(): void {
    if (this.#phase === 'leaving' && this.streams.size === 0) this.#end();
    this.#watch.onRoom(this);
  }

  /** Drains: takes no more exchanges and closes with the last one. */
  leave(): void {
    if (this.#phase === 'ready') this.#phase = 'leaving';
    if (this.#phase === 'leaving' && this.streams.size === 0) this.#end();
  }

  /** Closes at once and reports nothing. */
  destroy(): void {
    this.#phase = 'gone';
    this.streams.clear();
    this.socket.destroy();
  }

  /** Called by the timer of the pool. */
  checkDeadlines(): void {
    const { now } = this.clock;
    if (this.#phase === 'connecting') {
      if (now < this.#deadline) return;
      this.#gone(() => notAccepted(this.name));
    } else if (this.blocks.open && now - this.blocks.since >= this.timeouts.headers)
      this.#fail('sends a field block that does not end');
    else this.streams.each((stream) => stream.checkDeadline(now));
  }

  #onConnect(address: BackendAddress): void {
    if (address.kind === 'tls' && (this.socket as TLSSocket).alpnProtocol !== 'h2') {
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

  readonly #onBytes = (bytes: Buffer): void => {
    if (this.#phase === 'gone') return;
    try {
      const fault = this.readFrames(bytes, this.#onFrame);
      if (fault !== null) this.#failFor(fault);
    } catch (error) {
      this.#failFor(inConnection(internalError, `frames that could not be processed: ${error}`));
    }
    this.pauseIfUnread();
  };

  readonly #onFrame = (frame: Frame): boolean => {
    const fault = this.take(frame);
    const fatal = fault?.stream === true ? this.#failStream(frame.stream, fault) : fault;
    if (fatal !== null) this.#failFor(fatal);
    return this.#phase !== 'gone';
  };

  /** Ends the stream at fault; the others go on. */
  #failStream(id: number, fault: Fault): Fault | null {
    const stream = this.streams.get(id);
    if (stream === undefined) return this.#unknown(id);
    stream.malformed(fault.why, fault.code);
    return null;
  }

  /** A frame on a stream that is not open. A frame sent before the backend knew of the end is ignored. */
  #unknown(id: number): Fault | null {
    return (id & 1) === 1 && id < this.#next
      ? null
      : inConnection(protocolError, 'a frame on a stream that was not opened');
  }

  protected override onFields(
    { stream: id, endsStream, fault }: WholeBlock,
    block: FieldBlock,
  ): Fault | null {
    const stream = this.streams.get(id);
    if (stream === undefined) return this.#unknown(id);
    if (fault !== null) stream.malformed(fault.why, fault.code);
    else stream.onBlock(block, endsStream);
    return null;
  }

  protected override onDataFrame(frame: Frame): Fault | null {
    const { stream: id, length, start, end } = frame;
    // Given back at once: what a stream holds is bounded by the window of the stream.
    this.give(length);
    const stream = this.streams.get(id);
    if (stream === undefined) return this.#unknown(id);
    stream.onDataFrame(frame.bytes.subarray(start, end), length, (frame.flags & flags.endStream) !== 0);
    return null;
  }

  protected override onRstStream(frame: Frame): Fault | null {
    const stream = this.streams.get(frame.stream);
    if (stream === undefined) return this.#unknown(frame.stream) ?? this.countEmpty();
    stream.onReset(numberAt(frame, 0));
    return null;
  }

  protected override onStreamWindow(id: number, increment: number): Fault | null {
    const stream = this.streams.get(id);
    if (stream === undefined) return this.#unknown(id);
    return stream.widen(increment) ? null : inStream(flowControlError, windowTooLarge);
  }

  protected override onSettings({ maxStreams }: PeerSettings): void {
    if (maxStreams !== null) this.#most = maxStreams;
    if (this.#phase === 'connecting') {
      this.#phase = 'ready';
      this.#watch.onReady(this);
    } else this.#watch.onRoom(this);
  }

  protected override onPong(): void {}

  /** RFC 9113 section 6.8: streams after the last one were not processed and may be sent elsewhere. */
  protected override onGoAway(last: number): void {
    if (this.#phase === 'ready') this.#phase = 'leaving';
    this.streams.each((stream, id) => {
      if (id <= last) return;
      this.streams.delete(id);
      stream.gone(
        new UpstreamError(503, `${this.name} ends connections before it processes a request`, 'drained'),
      );
    });
    if (this.streams.size === 0) this.#end();
    this.#watch.onRoom(this);
  }

  #onError(error: Error): void {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL') {
      this.#fail(noHttp2, error);
      return;
    }
    this.#fail(socketProblem(error, this.#phase === 'connecting'), error);
  }

  /** The backend broke the protocol. */
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

  /** @param errorOf given whether the head of the answer has come */
  #gone(errorOf: (touched: boolean) => UpstreamError): void {
    if (this.#phase === 'gone') return;
    const fresh = this.#phase === 'connecting';
    this.#phase = 'gone';
    this.socket.destroy();
    this.#watch.onGone(this, fresh ? errorOf(false) : null);
    this.streams.each((stream, id) => {
      this.streams.delete(id);
      stream.gone(errorOf(stream.touched));
    });
  }

  #end(): void {
    if (this.#phase === 'gone') return;
    this.#phase = 'gone';
    this.output.put(goAwayFrame(0, noError, ''));
    this.output.end();
    this.#watch.onGone(this, null);
  }
}
