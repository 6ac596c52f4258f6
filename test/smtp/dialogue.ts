/** An SMTP client that sends exactly the given bytes and reads replies. */
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type Reply, ReplyReader } from '../../src/smtp/reply.ts';
import type { Owner } from '../support/owner.ts';

/** The address to come from, or the host to go to. */
export type Ends = string | { readonly host?: string };

export class Dialogue {
  #socket: Socket;
  #reader = new ReplyReader();
  #replies: Reply[] = [];
  #closed = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen();
  }

  /** Connects, without reading the greeting. */
  static async open(owner: Owner, port: number, ends: Ends = {}): Promise<Dialogue> {
    const socket = createConnection({
      port,
      host: '127.0.0.1',
      noDelay: true,
      allowHalfOpen: true,
      ...(typeof ends === 'string' ? { localAddress: ends } : ends),
    });
    owner.after(() => socket.destroy());
    const dialogue = new Dialogue(socket);
    await once(socket, 'connect');
    return dialogue;
  }

  /** Connects, reads the greeting and sends EHLO. */
  static async greeted(owner: Owner, port: number, ends: Ends = {}): Promise<Dialogue> {
    const dialogue = await Dialogue.open(owner, port, ends);
    await dialogue.reply();
    await dialogue.say('EHLO client.example.org');
    return dialogue;
  }

  /** Connects with implicit TLS, without reading the greeting. */
  static async secure(owner: Owner, port: number, ends: Ends = {}): Promise<Dialogue> {
    const dialogue = await Dialogue.open(owner, port, ends);
    await dialogue.startTls();
    return dialogue;
  }

  get socket(): Socket {
    return this.#socket;
  }

  /** Sends bytes as they are. */
  send(bytes: string | Buffer): void {
    this.#socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** The next reply; code 0 once the server has closed. */
  async reply(): Promise<Reply> {
    const signal = AbortSignal.timeout(20_000);
    for (;;) {
      const reply = this.#replies.shift();
      if (reply !== undefined) return reply;
      if (this.#closed) return { code: 0, lines: [], text: '' };
      await new Promise<void>((wake, reject) => {
        this.#wake = wake;
        signal.onabort = () => reject(new Error('no reply in 20 s'));
      });
    }
  }

  /** Sends a line. @returns its reply */
  async say(line: string): Promise<Reply> {
    this.send(`${line}\r\n`);
    return this.reply();
  }

  /** Sends a line. @returns the code of its reply */
  async code(line: string): Promise<number> {
    return (await this.say(line)).code;
  }

  /** Waits until the server has closed. */
  async closed(): Promise<void> {
    while ((await this.reply()).code !== 0);
  }

  async startTls(): Promise<void> {
    this.#socket.removeAllListeners('data');
    this.#socket = connectTls({ socket: this.#socket, rejectUnauthorized: false });
    this.#reader = new ReplyReader();
    await once(this.#socket, 'secureConnect');
    this.#listen();
  }

  #listen(): void {
    this.#socket.on('data', (chunk: Buffer) => {
      this.#replies.push(...this.#reader.push(chunk));
      this.#wake();
    });
    const close = (): void => {
      this.#closed = true;
      this.#wake();
    };
    this.#socket.on('end', close);
    this.#socket.on('close', close);
    this.#socket.on('error', close);
  }
}
