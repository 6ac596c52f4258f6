/** The server that scanners try to reach through a relay: web on port 80 and mail on port 25 of one loopback address. */
import type { Owner } from '../support/owner.ts';
import { scriptedServer } from '../support/scripted-server.ts';

export class StandIn {
  readonly host: string;
  readonly #asked = new Set<string>();

  private constructor(host: string) {
    this.host = host;
  }

  /** @throws if it must not listen on port 80 */
  static async open(owner: Owner, host: string): Promise<StandIn> {
    const standIn = new StandIn(host);
    const body = 'It works! A canary.\n';
    const head = `HTTP/1.1 200 OK\r\nX-Interactsh-Version: 1\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
    await scriptedServer(
      owner,
      (socket) =>
        socket.once('data', (chunk) => {
          const [, method, path = ''] = /^(\S+) (\S+)/.exec(chunk.toString('latin1')) ?? [];
          standIn.#asked.add(path);
          socket.end(method === 'HEAD' ? head : head + body);
        }),
      host,
      80,
    );
    await scriptedServer(owner, (socket) => socket.end('220 mx.example.net ESMTP\r\n'), host, 25);
    return standIn;
  }

  /** Whether this path was requested. */
  wasAsked(path: string): boolean {
    return this.#asked.has(path);
  }
}
