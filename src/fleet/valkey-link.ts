/**
 * The two connections to Valkey: one for commands, one that hears what others publish. Made again for ever; why they are not
 * there is told in words.
 */
import { randomUUID } from 'node:crypto';
import { type Cluster, Redis, type RedisOptions } from 'iovalkey';
import { readValkeyAddress, type ValkeyAddress } from '../address/valkey-address.ts';
import type { Trouble } from './store.ts';
import { troubleOf } from './trouble.ts';

export interface ValkeyLinkOptions {
  /** As `readValkeyAddress` reads it. */
  readonly url: string;
  /** PEM of the authorities that sign the server's certificate. @default those of the system */
  readonly ca?: string | Buffer;
  /** PEM of the certificate that this gateway shows, and of its key. @default none */
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** Told of every error of a connection; it is tried again by itself. */
  readonly onError: (error: Error) => void;
}

/** Milliseconds until a command has failed, and between two proofs that both connections work. */
const commandTimeout = 1000;
const heartbeat = 1000;

type Client = Redis | Cluster;

export class ValkeyLink {
  readonly commands: Client;
  readonly #subscriber: Client;
  readonly #options: ValkeyLinkOptions;
  readonly #address: ValkeyAddress;
  readonly #channel: string;
  readonly #onState: (trouble: Trouble | null) => void;
  /** A channel that only this process hears: the proof that messages come through. */
  readonly #echo: string;
  readonly #timer: NodeJS.Timeout;
  readonly #ready = new Set<Client>();
  #trouble: Trouble | null = { kind: 'away', text: '' };
  #echoed = true;
  #closed = false;

  /**
   * Starts to connect.
   *
   * @param prefix begins every channel
   * @param onMessage gets what is published on the channel
   */
  constructor(
    options: ValkeyLinkOptions,
    prefix: string,
    channel: string,
    onMessage: (message: string) => void,
    onState: (trouble: Trouble | null) => void,
  ) {
    const address = readValkeyAddress(options.url);
    if (typeof address === 'string') throw new TypeError(`the URL of Valkey ${address}`);
    this.#options = options;
    this.#address = address;
    this.#channel = channel;
    this.#onState = onState;
    this.#echo = `${prefix}echo:${randomUUID()}`;
    this.commands = connect(address, options);
    this.#subscriber = connect(address, options);
    for (const client of [this.commands, this.#subscriber]) {
      client.on('error', (error: Error) => this.#fail(error));
      client.on('close', () => this.#gone(client));
      client.on('ready', () => this.#greet(client));
    }
    this.#subscriber.on('message', (from: string, message: string) => {
      if (from === this.#echo) this.#echoed = true;
      else onMessage(message);
    });
    this.#timer = setInterval(() => this.#beat(), heartbeat);
    this.#timer.unref();
  }

  get connected(): boolean {
    return this.#trouble === null;
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#tell({ kind: 'away', text: 'closed' });
    for (const client of [this.commands, this.#subscriber]) client.disconnect();
  }

  /**
   * What a connection begins with. Done here and not by the client library, which writes to the terminal where a password is
   * not wanted, and takes a replica for its master.
   */
  async #greet(client: Client): Promise<void> {
    try {
      if (client instanceof Redis) await this.#introduce(client);
      if (client === this.#subscriber) {
        await client.subscribe(this.#channel, this.#echo);
        this.#echoed = true;
      }
      this.#ready.add(client);
      if (this.#ready.size === 2) this.#tell(null);
    } catch (error) {
      this.#fail(error as Error);
      this.#again(client);
    }
  }

  async #introduce(client: Redis): Promise<void> {
    const { username, password, database } = this.#address;
    if (password !== '')
      await client
        .call('AUTH', ...(username === '' ? [password] : [username, password]))
        .catch((error: Error) => {
          // A server that asks for none lets us in without.
          if (!/without any password|no password is set/.test(error.message)) throw error;
        });
    await client.call('CLIENT', 'SETNAME', 'sekisho').catch(() => {});
    if (database !== 0) await client.select(database);
    const role = await client.call('ROLE').catch((error: Error) => {
      // A user from before this was asked has no right to.
      if (/^NOPERM/.test(error.message) && !/^NOAUTH/.test(error.message)) return ['master'];
      throw error;
    });
    if ((role as string[])[0] !== 'master') throw new Error('READONLY it is a replica');
  }

  /** A connection that is cut without a word is noticed only by what does not come back. */
  #beat(): void {
    if (!this.connected) return;
    if (!this.#echoed) {
      this.#options.onError(new Error('the subscription does not answer; connecting anew'));
      this.#again(this.#subscriber);
    }
    this.#echoed = false;
    this.commands.publish(this.#echo, '').catch((error: Error) => {
      this.#fail(error);
      this.#again(this.commands);
    });
  }

  #again(client: Client): void {
    if (!this.#closed) client.disconnect(true);
  }

  #gone(client: Client): void {
    this.#ready.delete(client);
    // Perhaps it is back at once; why it is not is told by the next attempt.
    if (this.connected) this.#tell({ kind: 'away', text: '' });
  }

  #fail(error: Error): void {
    this.#options.onError(error);
    const trouble = troubleOf(error, this.#address);
    if (!this.connected && trouble !== null) this.#tell(trouble);
  }

  #tell(trouble: Trouble | null): void {
    if (this.#closed && trouble === null) return;
    const before = this.#trouble;
    if (before?.kind === trouble?.kind && before?.text === trouble?.text) return;
    this.#trouble = trouble;
    this.#onState(trouble);
  }
}

function connect(address: ValkeyAddress, { ca, cert, key }: ValkeyLinkOptions): Client {
  const { kind, nodes, master, username, password } = address;
  const tls = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
  const back = (times: number): number => Math.min(50 * 2 ** Math.min(times, 5), 1000);
  const options: RedisOptions = {
    // Nothing waits in a queue of the client's: what can't be sent now is the fleet's to keep.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    enableReadyCheck: false,
    commandTimeout,
    connectTimeout: 2000,
    keepAlive: 5000,
    retryStrategy: back,
    // A replica that was promoted meanwhile is found by connecting anew.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
    ...(address.tls ? { tls } : {}),
  };
  if (kind === 'server') return new Redis({ ...options, ...nodes[0]! });
  if (kind === 'sentinel')
    return new Redis({
      ...options,
      sentinels: [...nodes],
      name: master,
      sentinelRetryStrategy: back,
      ...(address.tls ? { enableTLSForSentinelMode: true, sentinelTLS: tls } : {}),
    });
  const { retryStrategy: _, enableOfflineQueue: __, ...each } = options;
  return new Redis.Cluster([...nodes], {
    enableOfflineQueue: false,
    clusterRetryStrategy: back,
    slotsRefreshTimeout: 2000,
    redisOptions: {
      ...each,
      ...(username === '' ? {} : { username }),
      ...(password === '' ? {} : { password }),
    },
  });
}
