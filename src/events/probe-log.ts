/**
 * Logs probes, bounded: an attacker chooses how many there are and how long, and must not be able to fill the disk. Probes beyond the
 * limits are counted, and the counts are logged.
 */
import type { Logger } from 'pino';
import { clientPrefix } from '../address/ip.ts';
import { plural } from '../plural.ts';
import { isProbe } from '../rules/catalogue.ts';
import type { ProbeEvent } from './event.ts';
import { several } from './fold.ts';

/** Most bytes of a line. The journal keeps the whole evidence. */
export const lineLimit = 8192;
/** Full lines per client, rule and action in a minute; more than the default of `bans.after`, so that a log watcher bans too. */
const linesInFull = 10;
/** Bytes of full lines in a minute, all clients together. */
const bytesInFull = 2 * 1024 * 1024;
/** Clients and rules with a row of their own in a minute; further ones are counted by rule alone. No eviction: the minute ends. */
const mostRows = 1024;
const minute = 60_000;

interface Row {
  readonly event: ProbeEvent;
  readonly client: string;
  inFull: number;
  more: number;
}

/** A full line begins `relay probe ACTION: RULE from ADDRESS`, which log watchers match, followed by what the sender wanted. */
export class ProbeLog {
  readonly #log: Logger;
  #rows = new Map<string, Row>();
  #bytes = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(log: Logger) {
    this.#log = log;
  }

  readonly add = (event: ProbeEvent): void => {
    // In a flood a line below the log level must cost nothing. An app's own logger may lack isLevelEnabled.
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
    const kept = truncated(bytes, lineLimit - size);
    this.#bytes += size + kept.length;
    this.#log[levelOf(event)]({ event: probe ? 'probe' : 'banned', action, ...fields, bytes: kept }, line);
  };

  /** Logs the counts of the probes that got no full line. */
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
    // The owner of an IPv6 /64 can use a new address for each probe.
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

/** Bytes of level, time and names around the fields. */
const envelope = 200;

const levelOf = ({ action }: ProbeEvent): 'warn' | 'info' => (action === 'block' ? 'warn' : 'info');
const deed = ({ action }: ProbeEvent): string => (action === 'block' ? 'blocked' : 'flagged');

const cut = ' [cut]';

/** Cuts a printable text to so many bytes in JSON, where quotes and backslashes are escaped. */
function truncated(text: string, room: number): string {
  // The common case: no need to count characters.
  if (text.length * 2 <= room) return text;
  let left = room;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    left -= code === 0x22 || code === 0x5c ? 2 : 1;
    if (left < 0) return text.slice(0, Math.max(0, at - cut.length * 2)) + cut;
  }
  return text;
}
