/** Wrong tokens at the admin listener: counted, logged and slowed down, so that guessing a token is not practical. */
import type { Logger } from 'pino';
import { clientPrefix } from '../address/ip.ts';

/** Wrong tokens of a client in a minute; after that its tokens are refused unchecked until the minute is over. */
const mostInMinute = 10;
const minute = 60_000;
/** Milliseconds that the answer to a wrong token is delayed. */
const delay = 500;
/** Answers delayed at once; further ones are sent without delay. */
const mostWaiting = 64;
/** Clients remembered; eviction: the one whose minute began first. */
const mostClients = 1024;

export class WrongTokens {
  readonly #log: Pick<Logger, 'warn'>;
  readonly #clients = new Map<string, { since: number; count: number }>();
  #waiting = 0;
  #total = 0;

  constructor(log: Pick<Logger, 'warn'>) {
    this.#log = log;
  }

  /** Since the start. */
  get total(): number {
    return this.#total;
  }

  /** Seconds until a client's tokens are checked again; 0: now. @param now milliseconds since the epoch */
  locked(address: string, now: number): number {
    const known = this.#clients.get(clientPrefix(address) ?? address);
    if (known === undefined || known.count < mostInMinute) return 0;
    const left = known.since + minute - now;
    return left > 0 && left <= minute ? Math.ceil(left / 1000) : 0;
  }

  /** Counts a wrong token; resolves when it may be answered. */
  async wrong(address: string, now: number): Promise<void> {
    this.#total++;
    const client = clientPrefix(address) ?? address;
    let known = this.#clients.get(client);
    if (known === undefined || now - known.since >= minute || now < known.since) {
      known = { since: now, count: 0 };
      this.#clients.delete(client);
      this.#clients.set(client, known);
      if (this.#clients.size > mostClients) this.#clients.delete(this.#clients.keys().next().value!);
    }
    known.count++;
    // Log the first of a minute and the one that locks the client; lines in between add nothing.
    if (known.count === 1 || known.count === mostInMinute) {
      const { count } = known;
      this.#log.warn(
        { event: 'admin', client: address, wrong: count },
        count === 1
          ? `a wrong token at the admin listener from ${address}`
          : `${count} wrong tokens at the admin listener from ${address}: its tokens are refused for the rest of the minute`,
      );
    }
    if (this.#waiting >= mostWaiting) return;
    this.#waiting++;
    await new Promise((done) => setTimeout(done, delay));
    this.#waiting--;
  }
}
