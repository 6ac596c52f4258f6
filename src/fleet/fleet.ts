/**
 * This gateway's membership in a fleet: shares its own decisions and events, and applies the decisions of others. The request
 * path never waits for it. While the store is unreachable the gateway continues with its local state.
 */
import { randomUUID } from 'node:crypto';
import type { Refusal } from '../bans/admission.ts';
import type { Ban } from '../bans/ban.ts';
import type { ProbeEvent } from '../events/event.ts';
import type { RateSource } from '../limit/rate-table.ts';
import type { RuleId } from '../rules/catalogue.ts';
import { EventBacklog } from './event-backlog.ts';
import type { FleetHealth, FleetOptions } from './fleet-options.ts';
import { type GatewayView, viewOf } from './gateway-view.ts';
import { Reconciler } from './reconciler.ts';
import type { Pulse, StoredBan, StreamEntry, Strike } from './store.ts';

/** Milliseconds between two attempts to reconcile. */
const pause = 500;
/** Milliseconds between two pulses. */
const pulseInterval = 1000;
/** The same error is reported once in this time, in milliseconds. */
const sameError = 60_000;
/** The most events or strikes sent in one round. */
const round = 1000;
/** The most strikes waiting. Above it only the local count leads to bans. */
const mostStrikes = 10_000;
/** The most bans waiting for the next write. Above it all records are compared again instead. */
const mostBans = 10_000;
/** The most refusals reported; all are counted. */
const mostReported = 100;

interface WaitingStrike extends Omit<Strike, 'since'> {
  readonly rule: RuleId;
}

export class Fleet {
  /** Name of the fleet. */
  readonly name: string;
  readonly #options: FleetOptions;
  readonly #source = randomUUID();
  readonly #backlog = new EventBacklog();
  readonly #bans = new Map<string, Ban>();
  readonly #reconciler: Reconciler | null;
  readonly #off: () => void;
  #strikes: WaitingStrike[] = [];
  #strikeNumber = 0;
  #threshold: FleetOptions['threshold'];
  #tables: () => readonly RateSource[] = () => [];
  readonly #timer: NodeJS.Timeout;
  #state: FleetHealth['state'] = 'away';
  #why = '';
  #since: number;
  #gateways = 0;
  #joining: Promise<void> | null = null;
  #round: Promise<void> | null = null;
  #beat: Promise<void> | null = null;
  #nextBeat = 0;
  #writing = false;
  #closed = false;
  #outages = 0;
  #refused = 0;
  #poisoned: StoredBan[] = [];
  readonly #reported = new Set<string>();
  readonly #errors = new Map<string, number>();
  #repaired: string | null = null;
  /** No reconciliation and no write before this time, by `performance.now`. */
  #notBefore = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.name = options.name ?? 'sekisho';
    const { store, ledger, clock, threshold, remember, interval = 100 } = options;
    this.#threshold = threshold;
    this.#since = clock.now();
    this.#reconciler =
      ledger === null
        ? null
        : new Reconciler({
            store,
            ledger,
            id: this.#source,
            remember,
            clock: clock.now,
            isActive: () => !this.#closed && store.connected,
            take: ({ prefix, ban, text }) => this.#take(prefix, ban, text),
            put: (bans, quietly) => this.#sendBans(bans, quietly),
          });
    const off = ledger?.onChange((change, origin) => {
      if (change.kind !== 'lists' && origin === 'here') this.#put(change.ban);
    });
    this.#off = () => off?.();
    store.onBan((ban) => this.#take(ban?.prefix ?? '', ban, null));
    store.onState((trouble) => {
      if (trouble === null) {
        this.#notBefore = 0;
        this.#join();
      } else {
        this.#outages++;
        this.#enter(trouble.kind, trouble.text);
      }
    });
    this.#timer = setInterval(() => this.#tick(), interval);
    this.#timer.unref();
  }

  get health(): FleetHealth {
    const joining = this.#state === 'joining';
    return {
      state: this.#state,
      why: this.#why,
      since: this.#since,
      progress: joining ? (this.#reconciler?.progress ?? 0) : null,
      gateways: this.#gateways,
      skew: this.#options.clock.skew,
      backlog: this.#backlog.size,
      lost: this.#backlog.lost,
      refused: this.#refused,
    };
  }

  /** Identifies this run of the gateway in the stream. */
  get source(): string {
    return this.#source;
  }

  /** The gateways seen within the last day, most recently seen first. */
  async gateways(): Promise<GatewayView[]> {
    const { store, clock } = this.#options;
    const entries = await store.gateways();
    return entries
      .map((entry) => viewOf(entry, clock.now()))
      .map((view) => ({ ...view, self: view.id === this.#source }))
      .sort((a, b) => b.seen - a.seen);
  }

  /** Entries of the event stream after an id (`0`: from the start), oldest first. */
  entries(after: string, limit: number): Promise<StreamEntry[]> {
    return this.#options.store.eventsAfter(after, limit);
  }

  /** Takes a probe event of this gateway. */
  event(event: ProbeEvent): void {
    this.#backlog.add(event);
    const { ledger, clock } = this.#options;
    if (ledger === null || !event.counts || this.#strikes.length >= mostStrikes) return;
    const id = `${this.#source}:${++this.#strikeNumber}`;
    const { within } = this.#threshold;
    for (const { prefix, after } of ledger.counted(event.client))
      this.#strikes.push({ prefix, id, time: clock.now(), within, after, rule: event.rule });
  }

  /** Applies another threshold. */
  replace({ after, within }: FleetOptions['threshold']): void {
    this.#threshold = { after, within };
  }

  /** Shares the counts of these tables with the tables of the same name on other gateways. */
  share(tables: () => readonly RateSource[]): void {
    this.#tables = tables;
  }

  /** Sends what is waiting if the store is reachable, and leaves the fleet. */
  async close(): Promise<void> {
    const { store } = this.#options;
    clearInterval(this.#timer);
    this.#off();
    await this.#round;
    if (store.connected) {
      await this.#write();
      await this.#sendRound();
      await store.leave(this.#source).catch(() => {});
    }
    this.#closed = true;
    await this.#joining;
    await this.#beat;
    await store.close();
  }

  #enter(state: FleetHealth['state'], why = ''): void {
    if (this.#closed || (state === this.#state && why === this.#why)) return;
    if (state !== this.#state) this.#since = this.#options.clock.now();
    this.#state = state;
    this.#why = why;
    this.#options.onState(this.health);
  }

  #tick(): void {
    if (!this.#options.store.connected) return;
    if (this.#state !== 'connected') this.#join();
    else if (performance.now() >= this.#nextBeat) {
      this.#nextBeat = performance.now() + pulseInterval;
      this.#beat ??= this.#pulse().finally(() => {
        this.#beat = null;
      });
    }
    // New bans do not wait for the reconciliation: other gateways should have them before the client gets there.
    this.#round ??= this.#sendRound().finally(() => {
      this.#round = null;
    });
    void this.#write();
  }

  #join(): void {
    if (performance.now() < this.#notBefore) return;
    this.#joining ??= this.#reconcile().finally(() => {
      this.#joining = null;
    });
  }

  async #reconcile(): Promise<void> {
    const { store } = this.#options;
    if (this.#closed) return;
    const outages = this.#outages;
    try {
      const pulse = await this.#ask();
      if (this.#state !== 'full') this.#enter('joining');
      await this.#reconciler?.join(pulse);
      // If the connection was lost meanwhile, messages were missed: reconcile again.
      if (store.connected && this.#outages === outages) this.#enter('connected');
      void this.#write();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Announces this gateway, and gets the state of the store. */
  async #ask(): Promise<Pulse> {
    const { store, clock, windows, describe, onSkew, onRepaired } = this.#options;
    const { state, since } = this.health;
    const text = JSON.stringify({ ...describe?.(), state, since });
    const start = performance.now();
    const pulse = await store.pulse(this.#source, text);
    this.#gateways = pulse.gateways;
    const took = performance.now() - start;
    if (clock.measure(pulse, took)) onSkew?.(clock.correction);
    windows?.follow(pulse.time, took);
    if (pulse.repaired !== null && pulse.repaired !== this.#repaired) onRepaired?.(pulse.repaired);
    this.#repaired = pulse.repaired;
    return pulse;
  }

  /** While reconciled: checks that the store has not lost its data, and takes a step of the slow comparison. */
  async #pulse(): Promise<void> {
    const { store } = this.#options;
    try {
      const pulse = await this.#ask();
      if (this.#reconciler?.beat(pulse) === false) {
        this.#enter('joining', 'Valkey lost its data');
        this.#join();
        return;
      }
      await this.#reconciler?.step(performance.now(), pulse.gateways);
      const poisoned = this.#poisoned.splice(0);
      if (poisoned.length > 0) await store.dropBans(poisoned);
    } catch (error) {
      if (isFull(error)) this.#fail(error);
      else this.#report(error);
    }
  }

  /** Applies a record of the store unless it is refused. @param text as stored; null: it came as a message */
  #take(prefix: string, ban: Ban | null, text: string | null): void {
    const { ledger } = this.#options;
    if (ledger === null) return;
    const refusal =
      ban === null ? { prefix, why: 'is not a ban record', poisoned: true } : ledger.apply(ban, 'fleet');
    if (refusal === null) return;
    this.#refuse(refusal, text === null);
    if (refusal.poisoned && text !== null && this.#poisoned.length < mostBans)
      this.#poisoned.push({ prefix, ban, text });
  }

  async #sendBans(bans: readonly Ban[], quietly = false): Promise<void> {
    for (const { prefix } of await this.#options.store.putBans(bans, quietly))
      this.#refuse({
        prefix,
        why: "is dated in the future by Valkey's clock: compare the clocks",
        poisoned: false,
      });
  }

  /** Reports each refusal once, so that forged records can't flood the log. @param anew count it even if it was reported before */
  #refuse(refusal: Refusal, anew = false): void {
    const text = `${refusal.prefix} ${refusal.why}`;
    const known = this.#reported.has(text);
    if (anew || !known) this.#refused++;
    if (known || this.#reported.size >= mostReported) return;
    this.#reported.add(text);
    this.#options.onRefused(refusal);
  }

  /** Backs off: a store that fails must not be asked in a tight loop. */
  #fail(error: unknown): void {
    this.#notBefore = performance.now() + pause;
    const { connected } = this.#options.store;
    // If it is not connected, `onState` has reported the cause. Valkey's own words for a full store differ by command.
    if (isFull(error)) this.#enter('full', 'it is out of memory: raise its maxmemory');
    else if (connected) this.#enter('joining', (error as Error).message);
    this.#report(error);
  }

  /** Reports the same error at most once a minute. */
  #report(error: unknown): void {
    const { store, onError } = this.#options;
    // A lost connection and a full store are reported as states.
    if (!store.connected || isFull(error)) return;
    const text = error instanceof Error ? error.message : String(error);
    const now = performance.now();
    if (now - (this.#errors.get(text) ?? Number.NEGATIVE_INFINITY) < sameError) return;
    if (this.#errors.size >= mostReported) this.#errors.clear();
    this.#errors.set(text, now);
    onError(error);
  }

  /** Sends a ban made here at once: other gateways should have it before the client gets there. */
  #put(ban: Ban): void {
    if (this.#closed) return;
    this.#bans.set(ban.prefix, ban);
    if (this.#bans.size > mostBans) {
      this.#bans.clear();
      this.#reconciler?.distrust();
      return;
    }
    setImmediate(() => this.#write());
  }

  async #write(): Promise<void> {
    if (this.#writing || this.#bans.size === 0 || !this.#options.store.connected) return;
    if (performance.now() < this.#notBefore) return;
    this.#writing = true;
    const bans = [...this.#bans.values()];
    this.#bans.clear();
    try {
      await this.#sendBans(bans);
    } catch (error) {
      // Some may have arrived; sending a stored record again has no effect.
      for (const ban of bans) if (!this.#bans.has(ban.prefix)) this.#bans.set(ban.prefix, ban);
      this.#fail(error);
    } finally {
      this.#writing = false;
    }
  }

  async #sendRound(): Promise<void> {
    if (performance.now() < this.#notBefore) return;
    try {
      await this.#sendStrikes();
      await this.#sendRates();
      await this.#sendEvents();
    } catch (error) {
      if (isFull(error)) this.#fail(error);
      else this.#report(error);
    }
  }

  async #sendStrikes(): Promise<void> {
    const { store, ledger } = this.#options;
    const strikes = this.#strikes.slice(0, round);
    if (strikes.length === 0 || ledger === null) return;
    // Strikes older than the last decision on their client no longer count.
    const open = strikes
      .map((strike) => ({ ...strike, since: ledger.decided(strike.prefix) }))
      .filter(({ time, since }) => time > since);
    const found = await store.strike(open);
    this.#strikes = this.#strikes.slice(strikes.length);
    for (const [index, { prefix, rule, time, after }] of open.entries()) {
      if (!(found[index]! >= after) || ledger.isBanned(prefix)) continue;
      if (ledger.decided(prefix) < time) ledger.ban(prefix, rule);
    }
  }

  async #sendRates(): Promise<void> {
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

  async #sendEvents(): Promise<void> {
    const { describe } = this.#options;
    const { first, events } = this.#backlog.head(round);
    if (events.length === 0) return;
    await this.#options.store.append(
      this.#source,
      first,
      events.map((event) => JSON.stringify({ ...event, gateway: String(describe?.().name ?? '') })),
    );
    this.#backlog.done(first + events.length - 1);
  }
}

/** Valkey's error when `maxmemory` is reached. */
const isFull = (error: unknown): boolean => /\bOOM\b/.test(String((error as Error | null)?.message));
