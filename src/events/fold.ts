/**
 * Folds events as they come: same client, rule and destination → one row with a count, first and last time. What leaves
 * here is small whatever comes in, and its counts are exact. Memory is bounded: a client gets so many rows of its own,
 * all clients together so many more; what comes beyond is counted in coarser rows, never dropped.
 */
import { clientPrefix } from '../address/ip.ts';
import type { ProbeEvent } from './event.ts';

/** An event that stands for several like it. Plain data. */
export interface FoldedEvent extends ProbeEvent {
  /** The prefix the client is counted by; `several` where a flood came from more clients than are told apart. */
  readonly prefix: string;
  /** How many it stands for. Of these `counts` is true where it is of each. */
  readonly count: number;
  /** Time of the last one, milliseconds since the epoch; `time` is that of the first. */
  readonly last: number;
}

/** Written in place of what a coarse row does not tell apart. */
export const several = 'several';

/** Rows of one client between two flushes; eviction: none, the next flush empties the table. */
const rowsPerClient = 32;
/** Rows of all clients between two flushes. */
const rowsInAll = 1024;
/**
 * The same while a flood lasts, which is after a flush of more rows than this: another client with each probe makes a row
 * of each, and writing a row costs a quarter of what refusing its probe does.
 */
const rowsInFlood = 256;
/** Characters of evidence in all rows between two flushes. */
const evidenceInAll = 4 * 1024 * 1024;

type Row = { -readonly [key in keyof FoldedEvent]: FoldedEvent[key] };

export class EventFolder {
  #rows = new Map<string, Row>();
  #perClient = new Map<string, number>();
  /** Prefixes of clients seen lately: reading an address costs more than everything else here. */
  #prefixes = new Map<string, string>();
  #evidence = 0;
  #room = rowsInAll;

  get size(): number {
    return this.#rows.size;
  }

  add(event: ProbeEvent): void {
    const { client, time, rule, action, destination } = event;
    let prefix = this.#prefixes.get(client);
    if (prefix === undefined) {
      prefix = clientPrefix(client) ?? client;
      if (this.#prefixes.size < rowsInAll) this.#prefixes.set(client, prefix);
    }
    // The common case of a flood, without a copy of the event.
    const row = this.#rows.get(`${prefix} ${rule} ${action} ${destination ?? ''}`);
    if (row === undefined) {
      this.addFolded({ ...event, prefix, count: 1, last: time });
      return;
    }
    row.count++;
    row.counts &&= event.counts;
    if (time < row.time) row.time = time;
    if (time > row.last) row.last = time;
  }

  /** Takes a row back that could not be written. */
  addFolded(event: FoldedEvent): void {
    const { prefix, rule, action } = event;
    const key = `${prefix} ${rule} ${action} ${event.destination ?? ''}`;
    if (this.#merge(key, event)) return;
    const own = this.#perClient.get(prefix) ?? 0;
    if (own < rowsPerClient && this.#rows.size < this.#room && this.#evidence < evidenceInAll) {
      this.#evidence += event.bytes.length;
      this.#perClient.set(prefix, own + 1);
      this.#rows.set(key, { ...event });
      return;
    }
    // A flood that names another destination each time, or comes from another address each time.
    const known = own > 0;
    const coarse = known ? `${prefix} ${rule} ${action} *` : `* ${rule} ${action}`;
    if (this.#merge(coarse, event)) return;
    const from = known ? {} : { prefix: several, client: several };
    this.#rows.set(coarse, { ...event, ...from, destination: several });
  }

  /** The rows so far, oldest first; the folder is empty then. */
  take(): FoldedEvent[] {
    const rows = [...this.#rows.values()];
    this.#room = rows.length > rowsInFlood ? rowsInFlood : rowsInAll;
    this.#rows = new Map();
    this.#perClient = new Map();
    this.#prefixes = new Map();
    this.#evidence = 0;
    return rows;
  }

  #merge(key: string, event: FoldedEvent): boolean {
    const row = this.#rows.get(key);
    if (row === undefined) return false;
    row.count += event.count;
    row.counts &&= event.counts;
    row.time = Math.min(row.time, event.time);
    row.last = Math.max(row.last, event.last);
    return true;
  }
}
