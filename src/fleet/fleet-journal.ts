/**
 * Copies the other gateways' probe events into this gateway's journal, so that one dashboard shows them all. Each is copied
 * exactly once: the position in the stream is written in the same transaction as the events.
 */
import { clientPrefix } from '../address/ip.ts';
import type { FoldedEvent } from '../events/fold.ts';
import type { Journal } from '../events/journal.ts';
import { ruleIds } from '../rules/catalogue.ts';
import type { Fleet } from './fleet.ts';
import type { StreamEntry } from './store.ts';

export interface FleetJournalOptions {
  /** The current fleet; null: none is configured. */
  readonly fleet: () => Pick<Fleet, 'health' | 'source' | 'name' | 'entries'> | null;
  readonly journal: () => Pick<Journal, 'takeIn' | 'mark'> | null;
  /** Called with errors, with the same one once a minute; the read is retried. */
  readonly onError: (error: unknown) => void;
  /** Milliseconds between two reads of the stream. @default 1000 */
  readonly interval?: number;
}

/** The position in the stream, and the run of this gateway that read it: that run's own events are in the journal already. */
interface Mark {
  readonly cursor: string;
  readonly source: string;
}

/** Entries per read. */
const page = 500;
/** The same error is reported once in this time, in milliseconds: a stream of the wrong type fails every read. */
const sameError = 60_000;

export class FleetJournal {
  readonly #options: FleetJournalOptions;
  readonly #timer: NodeJS.Timeout;
  #mark: { name: string; cursor: string; before: string } | null = null;
  #reading: Promise<void> | null = null;
  #skipped = 0;
  #reported = { text: '', at: 0 };

  constructor(options: FleetJournalOptions) {
    this.#options = options;
    this.#timer = setInterval(() => {
      this.#reading ??= this.#read()
        .catch((error: unknown) => {
          this.#mark = null;
          this.#report(error);
        })
        .finally(() => {
          this.#reading = null;
        });
    }, options.interval ?? 1000);
    this.#timer.unref();
  }

  /** Entries skipped because they were not valid events. */
  get skipped(): number {
    return this.#skipped;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#reading;
  }

  async #read(): Promise<void> {
    const [fleet, journal] = [this.#options.fleet(), this.#options.journal()];
    if (fleet === null || journal === null || fleet.health.state !== 'connected') return;
    const name = `fleet ${fleet.name}`;
    if (this.#mark?.name !== name) {
      const known = readMark(await journal.mark(name));
      this.#mark = { name, cursor: known?.cursor ?? '0', before: known?.source ?? '' };
    }
    for (;;) {
      const entries = await fleet.entries(this.#mark.cursor, page);
      const last = entries.at(-1);
      if (last === undefined) return;
      const own = new Set([fleet.source, this.#mark.before]);
      const rows = entries.filter(({ source }) => !own.has(source)).flatMap((entry) => this.#row(entry));
      const mark: Mark = { cursor: last.id, source: fleet.source };
      await journal.takeIn(rows, { name, value: JSON.stringify(mark) });
      this.#mark = { ...this.#mark, cursor: last.id };
      if (entries.length < page) return;
    }
  }

  #report(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    const now = performance.now();
    if (text === this.#reported.text && now - this.#reported.at < sameError) return;
    this.#reported = { text, at: now };
    this.#options.onError(error);
  }

  #row({ event }: StreamEntry): FoldedEvent[] {
    const row = readEvent(event, Date.now());
    if (row === null) this.#skipped++;
    return row === null ? [] : [row];
  }
}

function readMark(text: string | null): Mark | null {
  try {
    const { cursor, source } = JSON.parse(text ?? 'null') as Mark;
    return typeof cursor === 'string' && typeof source === 'string' ? { cursor, source } : null;
  } catch {
    return null;
  }
}

/** The most events that one entry may stand for: larger numbers add up to more than a number can hold, and no summary could be read. */
const mostFolded = 1e9;
/** The longest text accepted, in characters. */
const longest = 4096;
const printable = (text: string, most = longest): string => text.slice(0, most).replace(/[^\x20-\x7e]/g, '?');

/**
 * Validates an entry of the stream, which anyone able to write to the store may have forged.
 *
 * @param now the latest time accepted; an event dated in the future would remain the newest for ever
 * @returns null if it is not an event
 */
export function readEvent(text: string, now: number): FoldedEvent | null {
  try {
    const { event, count, last, gateway } = JSON.parse(text) as Record<string, unknown>;
    const fields = event as Record<string, unknown>;
    const word = (name: string, most?: number): string => {
      const value = fields[name];
      if (typeof value !== 'string') throw new TypeError(name);
      return printable(value, most);
    };
    const optional = (name: string, most: number): string | null =>
      typeof fields[name] === 'string' ? word(name, most) : null;
    const port = (value: unknown): number | null =>
      Number.isInteger(value) && (value as number) >= 0 && (value as number) < 65_536
        ? (value as number)
        : null;
    const time = (value: unknown): number => {
      if (!Number.isSafeInteger(value) || (value as number) < 0 || (value as number) > 8.64e15)
        throw new TypeError('time');
      return Math.min(value as number, now);
    };
    const rule = ruleIds.find((id) => id === fields.rule);
    const prefix = clientPrefix(word('client', 64));
    const { answer, site, destination, rules } = fields;
    if (rule === undefined || prefix === null) return null;
    if (!Number.isInteger(count) || (count as number) < 1 || (count as number) > mostFolded) return null;
    if (!['allow', 'flag', 'block'].includes(fields.action as string)) return null;
    if (answer !== null && answer !== 'drop' && !Number.isInteger(answer)) return null;
    const first = time(fields.time);
    return {
      time: first,
      last: Math.max(first, time(last ?? first)),
      count: count as number,
      listener: `${typeof gateway === 'string' ? printable(gateway, 100) : 'another gateway'}: ${word('listener', 100)}`,
      client: word('client', 64),
      prefix,
      site: typeof site === 'string' ? printable(site, 255) : null,
      action: fields.action as FoldedEvent['action'],
      rule,
      counts: fields.counts === true,
      rules: Array.isArray(rules) ? ruleIds.filter((id) => rules.includes(id)) : [rule],
      intent: word('intent', 32) as FoldedEvent['intent'],
      destination: typeof destination === 'string' ? printable(destination) : null,
      answer: answer as FoldedEvent['answer'],
      why: word('why'),
      request: word('request', 1024),
      bytes: word('bytes'),
      clientPort: port(fields.clientPort),
      localAddress: optional('localAddress', 64),
      localPort: port(fields.localPort),
      session: optional('session', 64),
      sni: optional('sni', 255),
      protocol: optional('protocol', 32),
      command: optional('command', 16),
      credentialHash: optional('credentialHash', 64),
    };
  } catch {
    return null;
  }
}
