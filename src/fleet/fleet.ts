/**
 * This gateway's part in a fleet: passes on what is decided and seen here, and takes in what others decide. Nothing on the
 * request path waits for it. While the store is away the gateway goes on with what it knows; once it is back, both sides are
 * brought to the same state.
 */
import { randomUUID } from 'node:crypto';
import { clientPrefix } from '../address/ip.ts';
import type { Ban } from '../bans/ban.ts';
import type { Refusal } from '../bans/gate.ts';
import type { BanLedger } from '../bans/ledger.ts';
import type { ProbeEvent } from '../events/event.ts';
import type { RateSource } from '../limit/rate-table.ts';
import type { RuleId } from '../rules/catalogue.ts';
import { EventBacklog } from './event-backlog.ts';
import type { FleetStore, Strike } from './store.ts';

export interface FleetOptions {
  readonly store: FleetStore;
  /** Null: bans are off, and only events and rates are shared. */
  readonly ledger: BanLedger | null;
  /** Strikes on all gateways until a client is banned, and the time they must fall in (milliseconds). */
  readonly threshold: { readonly after: number; readonly within: number };
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Told when the store goes and comes, and of what went wrong. */
  readonly onState: (health: FleetHealth) => void;
  readonly onError: (error: unknown) => void;
  /** Told of a record that did not pass the gate: of each once, of the first hundred. */
  readonly onRefused: (refusal: Refusal) => void;
  /** Milliseconds between two rounds of passing on events, strikes and rates. @default 100 */
  readonly interval?: number;
}

export interface FleetHealth {
  /** `away`: on its own, with its local state; `joining`: the store is back, states are being brought together. */
  readonly state: 'away' | 'joining' | 'connected';
  /** Since when, milliseconds since the epoch. */
  readonly since: number;
  /** Events that wait for the store. */
  readonly backlog: number;
  /** Events given up because too many waited. They are in the local journal. */
  readonly lost: number;
  /** Records that did not pass the gate, or were not taken by the store; the same one may count several times. */
  readonly refused: number;
}

/** Records written at a time while states are brought together. */
const page = 250;
/** Milliseconds between two attempts to bring states together. */
const pause = 500;
/** The most events in one round. */
const round = 1000;
/** The most strikes that wait; beyond it only the local count bans. */
const mostStrikes = 10_000;
/** The most bans that wait for the next write; beyond it all records are compared anew. */
const mostBans = 10_000;
/** The most refusals that are told; all are counted. */
const mostTold = 100;

interface WaitingStrike extends Strike {
  readonly rule: RuleId;
}

export class Fleet {
  readonly #options: FleetOptions;
  readonly #source = randomUUID();
  readonly #backlog = new EventBacklog();
  readonly #bans = new Map<string, Ban>();
  #strikes: WaitingStrike[] = [];
  #strikeNumber = 0;
  #threshold: FleetOptions['threshold'];
  #tables: () => readonly RateSource[] = () => [];
  readonly #timer: NodeJS.Timeout;
  #state: FleetHealth['state'] = 'away';
  #since: number;
  #joining: Promise<void> | null = null;
  #round: Promise<void> | null = null;
  #writing = false;
  #closed = false;
  #outages = 0;
  #refused = 0;
  readonly #told = new Set<string>();
  /** No sooner than this states are brought together again. */
  #notBefore = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
    const { store, ledger, clock, threshold, interval = 100 } = options;
    this.#threshold = threshold;
    this.#since = clock();
    ledger?.onChange((change, origin) => {
      if (change.kind !== 'lists' && origin === 'here') this.#put(change.ban);
    });
    store.onBan((ban) => this.#take(ban?.prefix ?? '', ban));
    store.onState((connected) => {
      if (connected) this.#join();
      else {
        this.#outages++;
        this.#enter('away');
      }
    });
    this.#timer = setInterval(() => this.#tick(), interval);
    this.#timer.unref();
  }

  get health(): FleetHealth {
    return {
      state: this.#state,
      since: this.#since,
      backlog: this.#backlog.size,
      lost: this.#backlog.lost,
      refused: this.#refused,
    };
  }

  /** Names this run of this gateway in the stream. */
  get source(): string {
    return this.#source;
  }

  /** Takes a probe event that was seen here. */
  event(event: ProbeEvent): void {
    this.#backlog.add(event);
    const { ledger, clock } = this.#options;
    if (ledger === null || !event.counts || this.#strikes.length >= mostStrikes) return;
    const prefix = clientPrefix(event.client);
    if (prefix === null || ledger.isExempt(event.client)) return;
    const id = `${this.#source}:${++this.#strikeNumber}`;
    this.#strikes.push({ prefix, id, time: clock(), ...this.#threshold, rule: event.rule });
  }

  /** Puts another threshold in force. */
  replace({ after, within }: FleetOptions['threshold']): void {
    this.#threshold = { after, within };
  }

  /** Shares the counts of tables, as they are from time to time, with tables of the same name on other gateways. */
  share(tables: () => readonly RateSource[]): void {
    this.#tables = tables;
  }

  /** Passes on what waits, as far as it can be done, and leaves. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#joining;
    await this.#round;
    if (this.#state === 'connected') {
      await this.#write();
      await this.#pass();
    }
    this.#closed = true;
    await this.#options.store.close();
  }

  #enter(state: FleetHealth['state']): void {
    if (this.#closed || state === this.#state) return;
    this.#state = state;
    this.#since = this.#options.clock();
    this.#options.onState(this.health);
  }

  #tick(): void {
    if (!this.#options.store.connected) return;
    if (this.#state !== 'connected') this.#join();
    else {
      this.#round ??= this.#pass().finally(() => {
        this.#round = null;
      });
      this.#write();
    }
  }

  #join(): void {
    if (this.#options.clock() < this.#notBefore) return;
    this.#joining ??= this.#reconcile().finally(() => {
      this.#joining = null;
    });
  }

  /** Takes over every record of the store that is newer, and puts every one there that is newer here, or missing there. */
  async #reconcile(): Promise<void> {
    const { store, ledger } = this.#options;
    if (this.#closed) return;
    const outages = this.#outages;
    this.#enter('joining');
    try {
      if (ledger !== null) {
        const theirs = new Map<string, number>();
        for await (const bans of store.allBans()) {
          for (const { prefix, ban } of bans) {
            // What is refused counts as missing, so that a sound record takes its place.
            if (this.#take(prefix, ban) && ban !== null) theirs.set(prefix, ban.changed);
          }
        }
        let missing: Ban[] = [];
        for (const ban of ledger.records()) {
          if ((theirs.get(ban.prefix) ?? -1) >= ban.changed) continue;
          missing.push(ban);
          if (missing.length < page) continue;
          await this.#send(missing);
          missing = [];
        }
        await this.#send(missing);
      }
      // It may have gone and come meanwhile, and what was told in between was not heard: then once more.
      this.#enter(store.connected && this.#outages === outages ? 'connected' : 'away');
      this.#write();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Takes over a record of the store, if it passes the gate. @returns whether it did */
  #take(prefix: string, ban: Ban | null): boolean {
    const { ledger } = this.#options;
    if (ledger === null) return false;
    const refusal =
      ban === null ? { prefix, why: 'is no record of a ban', poisoned: true } : ledger.apply(ban, 'fleet');
    if (refusal !== null) this.#refuse(refusal);
    return refusal === null;
  }

  async #send(bans: readonly Ban[]): Promise<void> {
    for (const { prefix } of await this.#options.store.putBans(bans))
      this.#refuse({
        prefix,
        why: `was not taken: by the store's clock it was decided in the future; compare the clocks`,
        poisoned: false,
      });
  }

  /** Each is told once, so that whoever writes there can't fill the log. */
  #refuse(refusal: Refusal): void {
    this.#refused++;
    const text = `${refusal.prefix} ${refusal.why}`;
    if (this.#told.size >= mostTold || this.#told.has(text)) return;
    this.#told.add(text);
    this.#options.onRefused(refusal);
  }

  /** A store that is there and takes nothing, for want of memory say, must not be asked without a pause. */
  #fail(error: unknown): void {
    this.#notBefore = this.#options.clock() + pause;
    this.#enter('away');
    this.#options.onError(error);
  }

  /** A ban made here goes out at once: others should have it before the client comes to them. */
  #put(ban: Ban): void {
    // Until states are brought together there is no need to remember it apart: it is in the ledger.
    if (this.#state === 'away') return;
    this.#bans.set(ban.prefix, ban);
    if (this.#bans.size > mostBans) {
      this.#bans.clear();
      this.#enter('away');
      return;
    }
    setImmediate(() => this.#write());
  }

  async #write(): Promise<void> {
    if (this.#writing || this.#bans.size === 0 || this.#state !== 'connected') return;
    this.#writing = true;
    const bans = [...this.#bans.values()];
    this.#bans.clear();
    try {
      await this.#send(bans);
    } catch (error) {
      // Some may have arrived: all are in the ledger, and are compared anew.
      this.#fail(error);
    } finally {
      this.#writing = false;
    }
  }

  async #pass(): Promise<void> {
    try {
      await this.#passStrikes();
      await this.#passRates();
      await this.#passEvents();
    } catch (error) {
      this.#options.onError(error);
    }
  }

  async #passStrikes(): Promise<void> {
    const { store, ledger } = this.#options;
    const strikes = this.#strikes.slice(0, round);
    if (strikes.length === 0 || ledger === null) return;
    const counts = await store.strike(strikes);
    this.#strikes = this.#strikes.slice(strikes.length);
    for (const [index, { prefix, rule, time, after }] of strikes.entries()) {
      if (counts[index]! < after || ledger.isBanned(prefix)) continue;
      // A strike from before the last decision on this client has had its answer, whatever that was.
      if ((ledger.record(prefix)?.changed ?? 0) < time) ledger.ban(prefix, rule);
    }
  }

  async #passRates(): Promise<void> {
    const shares = this.#tables().flatMap((table) => table.shares());
    if (shares.length === 0) return;
    try {
      const totals = await this.#options.store.count(shares);
      for (const [index, share] of shares.entries()) share.settle(totals[index]!);
    } catch (error) {
      for (const share of shares) share.restore();
      throw error;
    }
  }

  async #passEvents(): Promise<void> {
    const { first, events } = this.#backlog.head(round);
    if (events.length === 0) return;
    await this.#options.store.append(
      this.#source,
      first,
      events.map((event) => JSON.stringify(event)),
    );
    this.#backlog.done(first + events.length - 1);
  }
}
