/**
 * Fast path for the common log format of Apache and nginx and its relatives. Reads bytes without making strings, so that
 * a million ordinary lines a second are possible. All other lines take the slow path, as text.
 */
import { mayNameTarget } from '../rules/path-proxy.ts';
import type { Baseline } from './baseline.ts';
import { clfTime } from './log-time.ts';
import type { NameCounts } from './name-tally.ts';
import { hashStart, hashStep } from './page-sizes.ts';

const LF = 0x0a;
const SPACE = 0x20;
const QUOTE = 0x22;
const DASH = 0x2d;
const DOT = 0x2e;
const SLASH = 0x2f;
const COLON = 0x3a;
const QUESTION = 0x3f;
const OPEN = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE = 0x5d;

/** One in this many page referers is counted; referers of images and styles are all counted. */
const sampling = 8;
/** Longer host names in referers are not counted. */
const longestHost = 100;

/** Every target that names a host to a proxy script has at least one of these bytes: `.` `:` `%` `x` `X`. */
const targetBytes = new Uint8Array(256);
for (const byte of [DOT, COLON, 0x25, 0x58, 0x78]) targetBytes[byte] = 1;

/** A dot counts only in front of a digit (an address) or after an `a` (`metadata.`): every file name has one. */
function mayBeHost(buf: Buffer, at: number): boolean {
  if (buf[at] !== DOT) return true;
  const next = buf[at + 1]!;
  return (next >= 0x30 && next <= 0x39) || buf[at - 1] === 0x61;
}

/** `/https/host/`, `/cors/host/`, `/fetch/…`, and two slashes. */
const beginsLikeProxy = (first: number, second: number): boolean => {
  const lower = first | 0x20;
  const next = second | 0x20;
  return (
    first === SLASH ||
    (lower === 0x68 && next === 0x74) ||
    (lower === 0x63 && next === 0x6f) ||
    (lower === 0x66 && next === 0x65)
  );
};

export interface ClfOptions {
  readonly baseline: Baseline;
  /** Called with the bounds of each line for the slow path. */
  readonly onLine: (buffer: Buffer, start: number, end: number, line: number) => void;
  /** Send paths that may contain a URL to the slow path too. */
  readonly paths: boolean;
}

export class ClfReader {
  readonly #baseline: Baseline;
  readonly #onLine: ClfOptions['onLine'];
  readonly #paths: boolean;
  readonly #minute = new Uint8Array(26);
  #minuteSeconds = 0;
  #line = 0;
  /** The host of the last referer, as written, and its counters. */
  readonly #host = new Uint8Array(longestHost);
  #hostLength = -1;
  #hostCounts: NameCounts = {};
  /** Lines read on the fast path, and the times of the first and last of them, in seconds. */
  fast = 0;
  first = 0;
  last = 0;

  constructor({ baseline, onLine, paths }: ClfOptions) {
    this.#baseline = baseline;
    this.#onLine = onLine;
    this.#paths = paths;
  }

  /** Lines read so far. */
  get line(): number {
    return this.#line;
  }

  /** Reads whole lines: the byte before `end` is a line feed. */
  read(buf: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end) {
      this.#line++;
      const rest = this.#ordinary(buf, at);
      if (rest === -1) {
        const lf = buf.indexOf(LF, at);
        this.#onLine(buf, at, lf, this.#line);
        at = lf + 1;
      } else {
        this.fast++;
        at = buf.indexOf(LF, rest) + 1;
      }
    }
  }

  /**
   * Reads a line that is an ordinary request. The line feed stops every loop.
   *
   * @returns an offset within the line, or -1 for the slow path
   */
  #ordinary(buf: Buffer, start: number): number {
    let i = start;
    let byte = buf[i]!;
    while (byte !== OPEN) {
      if (byte === LF || byte === QUOTE) return -1;
      byte = buf[++i]!;
    }
    if (buf[i + 27] !== CLOSE || buf[i + 28] !== SPACE || buf[i + 29] !== QUOTE) return -1;
    const time = i;
    i += 30;
    const method = buf[i]!;
    // Slow path: CONNECT, and anything that does not begin like a method.
    if (method < 0x41 || method > 0x5a || method === 0x43 || (this.#paths && method === 0x54)) return -1;
    do byte = buf[++i]!;
    while (byte >= 0x41 && byte <= 0x5a);
    if (byte !== SPACE || buf[i + 1] !== SLASH) return -1;
    const methodLength = i - time - 30;
    const target = i + 1;
    let hash = hashStep(hashStart, SLASH);
    i = target + 1;
    byte = buf[i]!;
    if (byte === SLASH || byte === BACKSLASH) {
      if (this.#paths) return -1;
    } else if (
      this.#paths &&
      (byte | 0x20) === 0x68 &&
      buf
        .toString('latin1', i, i + 5)
        .toLowerCase()
        .startsWith('http')
    )
      return -1;
    let mayName = beginsLikeProxy(byte, buf[i + 1]!);
    while (byte !== SPACE && byte !== QUESTION) {
      if (byte < SPACE || byte === QUOTE || byte === BACKSLASH) return -1;
      if (targetBytes[byte] === 1) mayName ||= mayBeHost(buf, i);
      hash = hashStep(hash, byte);
      byte = buf[++i]!;
    }
    const pathEnd = i;
    while (byte !== SPACE) {
      if (byte < SPACE || byte === QUOTE || byte === BACKSLASH) return -1;
      if (targetBytes[byte] === 1) mayName ||= mayBeHost(buf, i);
      byte = buf[++i]!;
    }
    if (mayName && mayNameTarget(buf.toString('latin1', target, i))) return -1;
    // ` HTTP/1.1" 200 `, or ` HTTP/2" 200 `
    if (buf[i + 1] !== 0x48) return -1;
    if (buf[i + 9] === QUOTE) i += 10;
    else if (buf[i + 7] === QUOTE) i += 8;
    else return -1;
    const hundreds = buf[i + 1]! - 0x30;
    const tens = buf[i + 2]! - 0x30;
    const ones = buf[i + 3]! - 0x30;
    if (buf[i] !== SPACE || (buf[i + 4] !== SPACE && buf[i + 4] !== LF)) return -1;
    if (hundreds < 1 || hundreds > 9 || tens < 0 || tens > 9 || ones < 0 || ones > 9) return -1;
    const status = hundreds * 100 + tens * 10 + ones;
    i += 4;
    let bytes = -1;
    if (buf[i] === SPACE) {
      byte = buf[++i]!;
      if (byte === DASH) i++;
      else if (byte >= 0x30 && byte <= 0x39) {
        bytes = 0;
        do {
          bytes = bytes * 10 + byte - 0x30;
          byte = buf[++i]!;
        } while (byte >= 0x30 && byte <= 0x39);
      } else return -1;
    }
    const seconds = this.#seconds(buf, time);
    if (seconds === -1) return -1;
    if (this.first === 0) this.first = seconds;
    this.last = seconds;
    const isGet = methodLength === 3 && method === 0x47;
    this.#baseline.add(isGet, methodLength === 4 && method === 0x48, hash, status, bytes, seconds);
    this.#vhost(buf, start, time);
    if (buf[i] === SPACE && buf[i + 1] === QUOTE && buf[i + 2] === 0x68) {
      this.#referer(buf, i + 2, target, pathEnd, status);
    }
    return i;
  }

  /** Seconds since the epoch. Consecutive lines mostly share the minute, and comparing is cheaper than parsing. */
  #seconds(buf: Buffer, open: number): number {
    const tens = buf[open + 19]! - 0x30;
    const ones = buf[open + 20]! - 0x30;
    if (this.#sameMinute(buf, open + 1)) return this.#minuteSeconds + tens * 10 + ones;
    const time = clfTime(buf.toString('latin1', open + 1, open + 27));
    if (time === null) return -1;
    buf.copy(this.#minute, 0, open + 1, open + 27);
    this.#minuteSeconds = time / 1000 - tens * 10 - ones;
    return time / 1000;
  }

  /** Compares everything but the digits of the seconds. */
  #sameMinute(buf: Buffer, start: number): boolean {
    const minute = this.#minute;
    for (let i = 17; i >= 0; i--) if (buf[start + i] !== minute[i]) return false;
    for (let i = 20; i < 26; i++) if (buf[start + i] !== minute[i]) return false;
    return true;
  }

  /** vhost_combined begins with `www.example.net:80 192.0.2.1 - `, one word more than combined. */
  #vhost(buf: Buffer, start: number, open: number): void {
    if (this.#line % sampling !== 0 && this.#line > 1000) return;
    let spaces = 0;
    for (let i = start; i < open; i++) if (buf[i] === SPACE) spaces++;
    if (spaces < 4) return;
    const words = buf.toString('latin1', start, open).split(' ');
    const name = clfVhost(words);
    if (name !== null) this.#baseline.names.add(name.toLowerCase(), 'vhost', sampling);
  }

  #referer(buf: Buffer, start: number, target: number, pathEnd: number, status: number): void {
    // `http://` or `https://`
    let i = start + 4;
    if (buf[i] === 0x73) i++;
    if (buf[i] !== COLON || buf[i + 1] !== SLASH || buf[i + 2] !== SLASH) return;
    const host = i + 3;
    i = host;
    let byte = buf[i]!;
    while (byte !== SLASH && byte !== QUOTE && byte !== LF) byte = buf[++i]!;
    let k = target;
    let j = i;
    while (k < pathEnd && buf[j] === buf[k]) {
      j++;
      k++;
    }
    if (k === pathEnd && pathEnd > target + 1) this.#count(buf, host, i, 'self');
    else if (status < 400 && isAsset(buf, pathEnd)) this.#count(buf, host, i, 'asset');
    else if (this.#line % sampling === 0 || this.#line < 1000) this.#count(buf, host, i, 'referer');
  }

  /** Consecutive referers mostly name the same host: comparing bytes saves making a string and a look-up. */
  #count(buf: Buffer, start: number, end: number, sighting: 'self' | 'asset' | 'referer'): void {
    const length = end - start;
    if (length > longestHost) return;
    const host = this.#host;
    let same = length === this.#hostLength;
    for (let i = 0; same && i < length; i++) same = buf[start + i] === host[i];
    if (!same) {
      const counts = this.#baseline.names.of(buf.toString('latin1', start, end).toLowerCase());
      if (counts === null) return;
      this.#hostCounts = counts;
      this.#hostLength = length;
      buf.copy(host, 0, start, end);
    }
    this.#hostCounts[sighting] = (this.#hostCounts[sighting] ?? 0) + 1;
  }
}

const isAsset = (buf: Buffer, end: number): boolean =>
  buf[end - 3] === DOT || buf[end - 4] === DOT || buf[end - 5] === DOT;

/** The vhost among the words before the time; null if there is none. */
export function clfVhost(words: readonly string[]): string | null {
  const first = words[0] ?? '';
  if (/^[A-Za-z0-9._-]+:\d{1,5}$/.test(first) || /^\[[0-9a-f:]+\]:\d{1,5}$/i.test(first)) return first;
  // `www.example.net 192.0.2.1 - - `: a name followed by an address.
  const second = words[1] ?? '';
  const name = /^(?=.*[a-z])[a-z0-9-]+(?:\.[a-z0-9-]+)+$/i;
  return name.test(first) && /^(?:\d{1,3}\.){3}\d{1,3}$|^[0-9a-f]*:[0-9a-f:]+$/i.test(second) ? first : null;
}
