/**
 * A stream that the backend has not ended yet although its answer, one without a body, has been passed on. Resetting each such stream
 * would look like a rapid reset attack (CVE-2023-44487): Netty closes the connection after 200 resets in 30 seconds.
 */
import { errorCodes } from '../wire/h2-faults.ts';
import { rstStreamFrame } from '../wire/h2-frames.ts';
import type { FieldBlock } from '../wire/hpack-decoder.ts';
import type { CarriedStream, StreamConnection } from './stream-connection.ts';

export class EndingStream implements CarriedStream {
  readonly touched = true;
  readonly #connection: StreamConnection;
  readonly #id: number;
  readonly #deadline: number;

  constructor(connection: StreamConnection, id: number) {
    this.#connection = connection;
    this.#id = id;
    this.#deadline = connection.clock.now + connection.timeouts.body;
  }

  widen(): boolean {
    return true;
  }

  checkDeadline(now: number): void {
    if (now >= this.#deadline) this.#end(errorCodes.noError);
  }

  onBlock(_block: FieldBlock, endsStream: boolean): void {
    this.#end(endsStream ? null : errorCodes.protocolError);
  }

  onDataFrame(data: Buffer, _length: number, endsStream: boolean): void {
    if (data.length > 0) this.#end(errorCodes.protocolError);
    else if (endsStream) this.#end(null);
  }

  onReset(): void {
    this.#end(null);
  }

  malformed(_why: string, code: number): void {
    this.#end(code);
  }

  gone(): void {}

  /** @param code to reset it with; null: the backend knows that it has ended */
  #end(code: number | null): void {
    if (code !== null) this.#connection.output.put(rstStreamFrame(this.#id, code));
    this.#connection.remove(this.#id);
    this.#connection.freed();
  }
}
