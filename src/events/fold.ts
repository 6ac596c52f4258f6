/**
 * Folds alike events (same client, listener, rule, destination and protocol) into one row with a count, a first and a last time. The output is small
 * under any flood, and its counts are exact. Memory is bounded: rows per client and rows in all are capped; events beyond the caps
 * are counted in coarser rows, never dropped.
 */
import { clientPrefix } from '../address/ip.ts';
import type { ProbeEvent } from './event.ts';

/** A row: several alike events. Plain data. */
export interface FoldedEvent extends ProbeEvent {
  /** The prefix the client is counted by; `several` in a coarse row of many clients. */
  readonly prefix: string;
  /** Number of events. `counts` of the row is true only if it is true of each. */
  readonly count: number;
  /** Time of the last event, milliseconds since the epoch; `time` is that of the first. */
  readonly last: number;
}

/** Stands for the client or the destination in a coarse row. */
export const several = 'several';

/** Rows of one client between two flushes; eviction: none, the next flush empties the table. */
const rowsPerClient = 32;
/** Rows of all clients between two flushes. */
const rowsInAll = 1024;
/**
 * The same during a flood, that is after a flush of more rows than this: a flood with a new client for each probe makes one row per
 * probe, and writing a row costs a quarter of refusing the probe.
 */
const rowsInFlood = 256;
/** Characters of evidence in all rows between two flushes. */
const evidenceInAll = 4 * 1024 * 1024;

/** With protocol and command: `not-http` rarely knows a destination. With the listener: a decoy is other evidence than a site. */
export const foldKey = (
  prefix: string,
  { listener, rule, action, protocol, command, destination }: ProbeEvent,
): string =>
  `${prefix} ${rule} ${action} ${listener} ${protocol ?? ''} ${command ?? ''} ${destination ?? ''}`;

type Row = { -readonly [key in keyof FoldedEvent]: FoldedEvent[key] };

export class EventFolder {
  #rows = new Map<string, Row>();
  #perClient = new Map<string, number>();
  /** Cache by client: parsing an address costs more than everything else here. */
  #prefixes = new Map<string, string>();
  #evidence = 0;
  #capacity = rowsInAll;

  get size(): number {
    return this.#rows.size;
  }

  add(event: ProbeEvent): void {
    const { client, time } = event;
    let prefix = this.#prefixes.get(client);
    if (prefix === undefined) {
      prefix = clientPrefix(client) ?? client;
      if (this.#prefixes.size < rowsInAll) this.#prefixes.set(client, prefix);
    }
    // The common case in a flood: no copy of the event.
    const row = this.#rows.get(foldKey(prefix, event));
    if (row === undefined) {
      this.addFolded({ ...event, prefix, count: 1, last: time });
      return;
    }
    row.count++;
    row.counts &&= event.counts;
    if (time < row.time) row.time = time;
    if (time > row.last) row.last = time;
  }

  /** Also for rows that could not be written and come back. */
  addFolded(event: FoldedEvent): void {
    const { prefix, rule, action } = event;
    const key = foldKey(prefix, event);
    if (this.#merge(key, event)) return;
    const own = this.#perClient.get(prefix) ?? 0;
    if (own < rowsPerClient && this.#rows.size < this.#capacity && this.#evidence < evidenceInAll) {
      this.#evidence += event.bytes.length;
      this.#perClient.set(prefix, own + 1);
      this.#rows.set(key, { ...event });
      return;
    }
    // A flood with a new destination, or from a new address, in each probe.
    const known = own > 0;
    const coarse = known ? `${prefix} ${rule} ${action} *` : `* ${rule} ${action}`;
    if (this.#merge(coarse, event)) return;
    const from = known ? {} : { prefix: several, client: several };
    this.#rows.set(coarse, { ...event, ...from, destination: several });
  }

  /** Removes and returns the rows, oldest first. */
  take(): FoldedEvent[] {
    const rows = [...this.#rows.values()];
    this.#capacity = rows.length > rowsInFlood ? rowsInFlood : rowsInAll;
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
