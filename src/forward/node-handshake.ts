/** The client's side of a WebSocket handshake received by a Node server, which hands over the bare socket. */
import type { Socket } from 'node:net';
import type { ResponseHead } from '../wire/response-head.ts';
import type { Attempt, ClientSide } from './attempt.ts';
import { failureAnswer } from './failure-answer.ts';
import { ownText, responseText } from './response-text.ts';
import { carryUpgrade, type Tunnel } from './tunnel.ts';
import type { UpstreamError } from './upstream-error.ts';

/** Any answer but 101 closes the connection: bytes after a handshake are not a request. */
const closing = 'Connection: close\r\n';

export class NodeHandshake implements ClientSide {
  readonly #socket: Socket;
  readonly #rest: Buffer;
  readonly #method: string;
  readonly #idle: number;
  #attempt: Attempt | null = null;
  #tunnel: Tunnel | null = null;
  #answered = false;
  #slow = false;

  /**
   * @param rest bytes that arrived after the handshake
   * @param idle milliseconds the upgraded connection may be silent both ways
   */
  constructor(socket: Socket, rest: Buffer, method: string, idle: number) {
    this.#socket = socket;
    this.#rest = rest;
    this.#method = method;
    this.#idle = idle;
  }

  get connection(): Socket {
    return this.#socket;
  }

  begin(attempt: Attempt): void {
    const socket = this.#socket;
    this.#attempt = attempt;
    socket.on('error', ignore);
    socket.once('close', () => attempt.cancel());
    socket.on('drain', this.#onClientDrain);
    // Only a reader sees the end of a stream, and nothing reads the socket yet. Early bytes stay in its buffer.
    socket.on('readable', this.#readForEnd).once('end', this.#onGone);
    attempt.start();
  }

  onReady(): void {}
  onInformation(): void {}

  onHead(head: ResponseHead, whole: string | null): void {
    this.#stopReading();
    this.#answered = true;
    this.#socket.write(responseText(head, closing) + (whole ?? ''), 'latin1');
    if (whole !== null) this.#socket.destroySoon();
  }

  onUpgrade(head: ResponseHead): void {
    this.#stopReading();
    this.#socket.off('drain', this.#onClientDrain);
    this.#tunnel = carryUpgrade(this.#socket, this.#rest, this.#attempt!, head, this.#idle);
  }

  onData(data: Buffer): void {
    if (this.#tunnel !== null) this.#tunnel.onData(data);
    else if (!this.#socket.write(data) && !this.#slow) {
      this.#slow = true;
      this.#attempt!.pause();
    }
  }

  onEnd(): void {
    if (this.#tunnel !== null) this.#tunnel.onEnd();
    else this.#socket.destroySoon();
  }

  onDrain(): void {
    this.#tunnel?.onDrain();
  }

  onFailure({ status }: UpstreamError): void {
    if (this.#tunnel !== null) this.#tunnel.destroy();
    else if (this.#answered) this.#socket.resetAndDestroy();
    else {
      const { reason, headers, text } = failureAnswer(status);
      this.#socket.write(ownText(status, reason, headers, closing) + (this.#method === 'HEAD' ? '' : text));
      this.#socket.destroySoon();
    }
  }

  readonly #onClientDrain = (): void => {
    this.#slow = false;
    this.#attempt!.resume();
  };

  readonly #readForEnd = (): void => {
    if (this.#socket.readableLength === 0) this.#socket.read(0);
  };

  readonly #onGone = (): void => {
    this.#socket.destroy();
  };

  #stopReading(): void {
    this.#socket.off('readable', this.#readForEnd).off('end', this.#onGone);
  }
}

const ignore = (): void => {};
