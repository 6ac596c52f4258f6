/**
 * Writes field blocks, RFC 7541, with the static table and literals only: nothing of one response is kept for another.
 * A dynamic table would be state per connection, and anyone who shares the connection could guess the fields in it
 * (RFC 7541 section 7.1). nginx and HAProxy do the same.
 *
 * A block is a text, one character per byte, since joining texts is cheaper than joining buffers.
 */
import { staticFields } from './hpack-static-table.ts';

/**
 * The start of the first block of a connection: a table size update to 0 (RFC 7541 section 4.2). It is valid for every size that
 * the peer sets, now or later, and the peer need not keep a table.
 */
export const noTable = '\x20';

/** Never-indexed fields (RFC 7541 section 7.1.3): secrets, some of them short enough to guess. */
const secrets: ReadonlySet<string> = new Set([
  'set-cookie',
  'authorization',
  'cookie',
  'proxy-authorization',
]);

/** Name in the static table → its first index, as the beginning of a literal. */
const knownNames = new Map<string, string>();
/** Whole field of the static table, `name: value` → its index. */
const knownFields = new Map<string, string>();
for (let i = staticFields.length - 2; i >= 0; i -= 2) {
  const [name, value] = [staticFields[i]!, staticFields[i + 1]!];
  const index = i / 2 + 1;
  knownNames.set(name, integer(index, 4, secrets.has(name) ? 0x10 : 0));
  if (value !== '') knownFields.set(`${name}: ${value}`, integer(index, 7, 0x80));
}

/**
 * Name as given, in any case → the beginning of its literal. Responses use few names, again and again. Bounded,
 * since a backend may send ever new names.
 */
const nameCache = new Map<string, string>();
const maxCached = 1024;

/** @param value latin1 */
export function encodeField(name: string, value: string): string {
  return (nameCache.get(name) ?? encodeName(name)) + encodeString(value);
}

/** The same for names that clients choose: they would fill the cache and leave no room for those of responses. */
export const encodeClientField = (name: string, value: string): string =>
  beginning(name.toLowerCase()) + encodeString(value);

/** The `:status` of a response. */
export function encodeStatus(status: number): string {
  return knownFields.get(`:status: ${status}`) ?? encodeField(':status', String(status));
}

/** A field that may be in the static table with its value, such as a pseudo-field. */
export function encodeKnown(name: string, value: string): string {
  return knownFields.get(`${name}: ${value}`) ?? encodeField(name, value);
}

function encodeName(given: string): string {
  const prefix = beginning(given.toLowerCase());
  if (nameCache.size < maxCached && given.length < 128) nameCache.set(given, prefix);
  return prefix;
}

const beginning = (name: string): string =>
  knownNames.get(name) ?? (secrets.has(name) ? '\x10' : '\0') + encodeString(name);

function encodeString(text: string): string {
  const { length } = text;
  return (length < 127 ? String.fromCharCode(length) : integer(length, 7, 0)) + text;
}

/** RFC 7541 section 5.1. */
function integer(value: number, prefix: number, mark: number): string {
  const most = (1 << prefix) - 1;
  if (value < most) return String.fromCharCode(mark | value);
  let text = String.fromCharCode(mark | most);
  let rest = value - most;
  for (; rest >= 0x80; rest >>>= 7) text += String.fromCharCode((rest & 0x7f) | 0x80);
  return text + String.fromCharCode(rest);
}
