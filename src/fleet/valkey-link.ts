/**
 * The two connections to Valkey, one for commands and one that subscribes to messages. Reconnects for ever, and reports the
 * cause of failures in words.
 */
import { randomUUID } from 'node:crypto';
import { type Cluster, Redis, type RedisOptions } from 'iovalkey';
import { readValkeyAddress, type ValkeyAddress } from '../address/valkey-address.ts';
import type { Trouble } from './store.ts';
import { troubleOf } from './valkey-trouble.ts';

export interface ValkeyLinkOptions {
  /** In the syntax of `readValkeyAddress`. */
  readonly url: string;
  /** PEM of the CAs for the server's certificate. @default the system's */
  readonly ca?: string | Buffer;
  /** PEM of this gateway's client certificate, and of its key. @default none */
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** Called with every connection error; the connection is retried automatically. */
  readonly onError: (error: Error) => void;
}

/** Milliseconds until a command fails, and between two checks that both connections work. */
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
  /** A channel that only this process subscribes to, to check that messages get through. */
  readonly #echo: string;
  readonly #timer: NodeJS.Timeout;
  readonly #ready = new Set<Client>();
  #trouble: Trouble | null = { kind: 'away', text: '' };
  #echoed = true;
  #closed = false;

  /**
   * Starts connecting.
   *
   * @param prefix prefix of every channel
   * @param onMessage gets the messages published on the channel
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
    this.#report({ kind: 'away', text: 'closed' });
    for (const client of [this.commands, this.#subscriber]) client.disconnect();
  }

  /**
   * Authenticates and checks a new connection. The client library's own way prints to the terminal if the server wants no
   * password, and accepts a replica as master.
   */
  async #greet(client: Client): Promise<void> {
    try {
      if (client instanceof Redis) await this.#introduce(client);
      if (client === this.#subscriber) {
        await client.subscribe(this.#channel, this.#echo);
        this.#echoed = true;
      }
      this.#ready.add(client);
      if (this.#ready.size === 2) this.#report(null);
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
          // The server requires no password.
          if (!/without any password|no password is set/.test(error.message)) throw error;
        });
    await client.call('CLIENT', 'SETNAME', 'sekisho').catch(() => {});
    if (database !== 0) await client.select(database);
    const role = await client.call('ROLE').catch((error: Error) => {
      // Users set up for earlier versions lack the permission for ROLE.
      if (/^NOPERM/.test(error.message) && !/^NOAUTH/.test(error.message)) return ['master'];
      throw error;
    });
    if ((role as string[])[0] !== 'master') throw new Error('READONLY it is a replica');
  }

  /** Checks both connections: one that was cut silently shows only by missing replies. */
  #beat(): void {
    if (!this.connected) return;
    if (!this.#echoed) {
      this.#options.onError(new Error('the subscription does not answer; reconnecting'));
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
    // It may reconnect at once; if not, the next attempt reports the cause.
    if (this.connected) this.#report({ kind: 'away', text: '' });
  }

  #fail(error: Error): void {
    this.#options.onError(error);
    const trouble = troubleOf(error, this.#address);
    if (!this.connected && trouble !== null) this.#report(trouble);
  }

  #report(trouble: Trouble | null): void {
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
    // No queue in the client library: the fleet itself keeps what can't be sent now.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    enableReadyCheck: false,
    commandTimeout,
    connectTimeout: 2000,
    keepAlive: 5000,
    retryStrategy: back,
    // Reconnect to find the replica that was promoted meanwhile.
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
