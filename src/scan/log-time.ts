/** Times as logs write them. */

const months: Readonly<Record<string, number>> = Object.fromEntries(
  ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'].map((m, i) => [m, i]),
);

const clf = /^(\d\d)\/(\w{3})\/(\d{4}):(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?: ([+-])(\d\d)(\d\d))?$/;

/** `10/Oct/2024:18:54:01 +0900`, the zone and HAProxy's milliseconds optional. Null where it is none. */
export function clfTime(text: string): number | null {
  const m = clf.exec(text);
  const month = m === null ? undefined : months[m[2]!];
  if (m === null || month === undefined) return null;
  const local = Date.UTC(
    +m[3]!,
    month,
    +m[1]!,
    +m[4]!,
    +m[5]!,
    +m[6]!,
    +(m[7] ?? '0').padEnd(3, '0').slice(0, 3),
  );
  const zone = m[8] === undefined ? 0 : (m[8] === '-' ? -1 : 1) * (+m[9]! * 60 + +m[10]!);
  return local - zone * 60_000;
}

const iso = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d+))?\s*(Z|[+-]\d\d:?\d\d)?$/;

/** ISO 8601 with any fraction; without a zone it is UTC, as W3C logs have it. Null where it is none. */
export function isoTime(text: string): number | null {
  const m = iso.exec(text);
  if (m === null) return null;
  const zone = (m[4] ?? 'Z').replace(/^([+-]\d\d):?(\d\d)$/, '$1:$2');
  const time = Date.parse(`${m[1]}T${m[2]}.${(m[3] ?? '0').padEnd(3, '0').slice(0, 3)}${zone}`);
  return Number.isNaN(time) ? null : time;
}

/** Seconds since the epoch with a fraction (Caddy, Zeek, squid); milliseconds where the number is that large. */
export function epochTime(value: number): number | null {
  if (!Number.isFinite(value) || value <= 0) return null;
  return Math.round(value > 1e11 ? value : value * 1000);
}

const syslog = /^(\w{3}) +(\d{1,2}) (\d\d):(\d\d):(\d\d)(?:\.(\d+))?/;

/**
 * `Nov 25 00:14:02`: syslog writes no year. The latest one that is not in the future is taken.
 *
 * @param now the latest time it may be, milliseconds since the epoch
 */
export function syslogTime(text: string, now: number): number | null {
  const m = syslog.exec(text);
  const month = m === null ? undefined : months[m[1]!];
  if (m === null || month === undefined) return null;
  const year = new Date(now).getUTCFullYear();
  const at = (y: number) => Date.UTC(y, month, +m[2]!, +m[3]!, +m[4]!, +m[5]!);
  // A day ahead may be another time zone; more is last year's.
  return at(year) > now + 86_400_000 ? at(year - 1) : at(year);
}
