import { SentBody } from '../h2/sent-body.ts';
import { trailerBlock } from '../wire/h2-forwarded.ts';
import { flags, frameHead, frameTypes, headersFrames, maxFrame, maxWindow } from '../wire/h2-frames.ts';
import { noTable } from '../wire/hpack-encoder.ts';
import { fieldLines } from '../wire/response-head.ts';
import type { Http2Connection } from './connection.ts';
import { responseBlock } from './response-fields.ts';

/** The answer on one stream. */
export class Response {
  readonly #stream: number;
  readonly #connection: Http2Connection;
  readonly #onWritten: () => void;
  readonly #onRoom: () => void;
  /** Send window of the stream, until there is a body that tracks it. */
  #window: number;
  #body: SentBody | null = null;
  /** 0: the head is not written. */
  status = 0;
  #sent = 0;

  /**
   * @param window send window of the stream
   * @param onWritten called when all of it is written
   * @param onRoom called when `push` may go on
   */
  constructor(
    stream: number,
    connection: Http2Connection,
    window: number,
    onWritten: () => void,
    onRoom: () => void,
  ) {
    this.#stream = stream;
    this.#connection = connection;
    this.#window = window;
    this.#onWritten = onWritten;
    this.#onRoom = onRoom;
  }

  /** Bytes of the body. */
  get sent(): number {
    return this.#sent;
  }

  /** A 1xx. @param fields as lines, each with its CRLF */
  inform(status: number, fields: string): void {
    this.#putHead(status, fields, true, false);
  }

  /** The head; a body follows. */
  begin(status: number, fields: string, dated: boolean): void {
    this.status = status;
    this.#putHead(status, fields, dated, false);
  }

  /** A complete response. @param body latin1 */
  whole(status: number, fields: string, dated: boolean, body: string): void {
    const { output, server } = this.#connection;
    this.status = status;
    const { length } = body;
    this.#sent = length;
    this.#putHead(status, fields, dated, length === 0);
    if (length === 0) this.#onWritten();
    else if (!output.blocked && length <= Math.min(maxFrame, this.#window, output.window)) {
      output.put(frameHead(length, frameTypes.data, flags.endStream, this.#stream) + body);
      output.sentAtOnce(length);
      this.#onWritten();
    } else {
      const rest = this.#bodyOf();
      rest.push(Buffer.from(body, 'latin1'), server.now);
      rest.end('');
    }
  }

  /** An answer of the gateway itself. @param headers name, value, name, value … @param method of the request: HEAD gets no body */
  own(status: number, headers: readonly string[], body: string, method: string): void {
    this.whole(status, fieldLines(headers), false, method === 'HEAD' ? '' : body);
  }

  /** @returns false where the caller should wait for `onRoom` */
  push(data: Buffer): boolean {
    this.#sent += data.length;
    return this.#bodyOf().push(data, this.#connection.server.now);
  }

  /** @param trailers name, value, name, value … */
  end(trailers: readonly string[]): void {
    this.#bodyOf().end(trailerBlock(trailers));
  }

  /** Discards what is not sent yet. */
  drop(): void {
    this.#body?.drop();
  }

  /** The client changes the send window. @returns false where that exceeds 2^31-1 */
  widen(change: number): boolean {
    if (this.#body !== null) return this.#body.widen(change);
    this.#window += change;
    return this.#window <= maxWindow;
  }

  /** Whether the client has read almost nothing for `limit` milliseconds. */
  stalled(now: number, limit: number): boolean {
    this.#body?.mark(now);
    return this.#body?.stalled(now, limit) === true;
  }

  #putHead(status: number, fields: string, dated: boolean, ended: boolean): void {
    const block = responseBlock(status, fields, dated);
    const connection = this.#connection;
    const whole = connection.tableSet ? block : noTable + block;
    connection.tableSet = true;
    connection.output.put(headersFrames(this.#stream, whole, ended, maxFrame));
  }

  #bodyOf(): SentBody {
    const { output, server } = this.#connection;
    this.#body ??= new SentBody(
      this.#stream,
      output,
      this.#window,
      server.now,
      this.#onWritten,
      this.#onRoom,
    );
    return this.#body;
  }
}
