/** Parsers for the timestamps in logs. */

const months: Readonly<Record<string, number>> = Object.fromEntries(
  ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'].map((m, i) => [m, i]),
);

const clf = /^(\d\d)\/(\w{3})\/(\d{4}):(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?: ([+-])(\d\d)(\d\d))?$/;

/** `10/Oct/2024:18:54:01 +0900`; the zone and HAProxy's milliseconds are optional. Null if invalid. */
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

/** ISO 8601 with any fraction; UTC without a zone, as in W3C logs. Null if invalid. */
export function isoTime(text: string): number | null {
  const m = iso.exec(text);
  if (m === null) return null;
  const zone = (m[4] ?? 'Z').replace(/^([+-]\d\d):?(\d\d)$/, '$1:$2');
  const time = Date.parse(`${m[1]}T${m[2]}.${(m[3] ?? '0').padEnd(3, '0').slice(0, 3)}${zone}`);
  return Number.isNaN(time) ? null : time;
}

/**
 * Seconds since the epoch with a fraction (Caddy, Zeek, squid). Larger numbers are milliseconds (pino), microseconds or
 * nanoseconds (Cloudflare).
 */
export function epochTime(value: number): number | null {
  if (!Number.isFinite(value) || value <= 0) return null;
  const unit = value > 1e17 ? 1e-6 : value > 1e14 ? 1e-3 : value > 1e11 ? 1 : 1000;
  const time = Math.round(value * unit);
  // The largest Date is 8.64e15.
  return time <= 8.64e15 ? time : null;
}

const asc = /^\w{3} (\w{3}) +(\d{1,2}) (\d\d):(\d\d):(\d\d)(?:\.\d+)? (\d{4})$/;

/** `Tue Nov 10 10:00:00 2026`, the format of C's asctime (uwsgi, Apache's error log), read as UTC. Null if invalid. */
export function ascTime(text: string): number | null {
  const m = asc.exec(text);
  const month = m === null ? undefined : months[m[1]!];
  if (m === null || month === undefined) return null;
  return Date.UTC(+m[6]!, month, +m[2]!, +m[3]!, +m[4]!, +m[5]!);
}

/** `2026/11/10 10:00:00` (nginx's error log, squid's cache.log), read as UTC. Null if invalid. */
export function slashTime(text: string): number | null {
  const m = /^(\d{4})\/(\d\d)\/(\d\d) (\d\d):(\d\d):(\d\d)$/.exec(text);
  return m === null ? null : Date.UTC(+m[1]!, +m[2]! - 1, +m[3]!, +m[4]!, +m[5]!, +m[6]!);
}

const syslog = /^(\w{3}) +(\d{1,2}) (\d\d):(\d\d):(\d\d)(?:\.(\d+))?/;

/**
 * `Nov 25 00:14:02`: syslog writes no year, so the latest year that is not in the future is assumed.
 *
 * @param now the latest possible time, in milliseconds since the epoch
 */
export function syslogTime(text: string, now: number): number | null {
  const m = syslog.exec(text);
  const month = m === null ? undefined : months[m[1]!];
  if (m === null || month === undefined) return null;
  const year = new Date(now).getUTCFullYear();
  const at = (y: number) => Date.UTC(y, month, +m[2]!, +m[3]!, +m[4]!, +m[5]!);
  // Up to a day ahead may be another time zone; beyond, it is last year.
  return at(year) > now + 86_400_000 ? at(year - 1) : at(year);
}
