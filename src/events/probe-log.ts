/**
 * Probes as lines of the program's log, bounded: an attacker chooses how many there are and how long, and may not fill a
 * disk by that. What is not written in full is counted, and its count is written.
 */
import type { Logger } from 'pino';
import { clientPrefix } from '../address/ip.ts';
import { plural } from '../plural.ts';
import { isProbe } from '../rules/catalogue.ts';
import type { ProbeEvent } from './event.ts';
import { several } from './fold.ts';

/** The most bytes of a line. The journal keeps the evidence whole. */
export const lineLimit = 8192;
/** Lines in full of one client, rule and action in a minute; more than `bans.after` is by default, so that a log watcher bans too. */
const linesInFull = 10;
/** Bytes of lines in full, of all clients, in a minute. */
const bytesInFull = 2 * 1024 * 1024;
/** Clients and rules that are told apart in a minute; what comes beyond is counted by rule. No eviction: the minute ends. */
const mostRows = 1024;
const minute = 60_000;

interface Row {
  readonly event: ProbeEvent;
  readonly client: string;
  inFull: number;
  more: number;
}

/** A line in full reads `relay probe ACTION: RULE from ADDRESS`, with what the sender wanted behind it: for people and log watchers. */
export class ProbeLog {
  readonly #log: Logger;
  #rows = new Map<string, Row>();
  #bytes = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(log: Logger) {
    this.#log = log;
  }

  readonly add = (event: ProbeEvent): void => {
    // Under a flood a line that nobody is to read must cost nothing; not every logger that an app brings can tell.
    if (this.#log.isLevelEnabled?.(levelOf(event)) === false) return;
    const row = this.#row(event);
    if (row.inFull >= linesInFull || this.#bytes >= bytesInFull) {
      row.more++;
      return;
    }
    row.inFull++;
    const { time: _, action, bytes, ...fields } = event;
    const probe = isProbe(event.rule);
    const line = probe
      ? `relay probe ${deed(event)}: ${event.rule} from ${event.client}. ${event.why}`
      : `banned client refused: ${event.client}`;
    const size = JSON.stringify(fields).length + JSON.stringify(line).length + envelope;
    const kept = fitting(bytes, lineLimit - size);
    this.#bytes += size + kept.length;
    this.#log[levelOf(event)]({ event: probe ? 'probe' : 'banned', action, ...fields, bytes: kept }, line);
  };

  /** Writes the counts of what was not written in full. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const rows = this.#rows;
    this.#rows = new Map();
    this.#bytes = 0;
    for (const { event, client, more } of rows.values()) {
      if (more === 0) continue;
      const { action, rule } = event;
      this.#log[levelOf(event)](
        { event: isProbe(rule) ? 'probes' : 'banned-more', action, client, rule, more },
        isProbe(rule)
          ? `relay probes ${deed(event)}: ${more} more of ${rule} from ${client} within a minute`
          : `banned clients refused: ${plural(more, 'more request')} of ${client} within a minute`,
      );
    }
  }

  #row(event: ProbeEvent): Row {
    const { client, rule, action } = event;
    const known = this.#rows.get(`${client} ${rule} ${action}`);
    if (known !== undefined) return known;
    // Whoever has a /64 has another address for each probe.
    const sender = client.includes(':') ? (clientPrefix(client) ?? client) : client;
    const own = this.#rows.size < mostRows;
    const key = `${own ? sender : several} ${rule} ${action}`;
    let row = this.#rows.get(key);
    if (row === undefined) {
      row = { event, client: own ? sender : `${several} clients`, inFull: 0, more: 0 };
      this.#rows.set(key, row);
      this.#timer ??= setTimeout(() => this.flush(), minute).unref();
    }
    return row;
  }
}

/** Level, time and names that are written around the fields. */
const envelope = 200;

const levelOf = ({ action }: ProbeEvent): 'warn' | 'info' => (action === 'block' ? 'warn' : 'info');
const deed = ({ action }: ProbeEvent): string => (action === 'block' ? 'blocked' : 'flagged');

const cut = ' [cut]';

/** As much of a printable text as takes no more bytes in JSON, where quotes and backslashes are escaped. */
function fitting(text: string, room: number): string {
  // The common case, without looking at each character.
  if (text.length * 2 <= room) return text;
  let left = room;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    left -= code === 0x22 || code === 0x5c ? 2 : 1;
    if (left < 0) return text.slice(0, Math.max(0, at - cut.length * 2)) + cut;
  }
  return text;
}
