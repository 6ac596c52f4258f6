/**
 * Writes field blocks, RFC 7541, with what the static table knows and literals: nothing of one response is kept for another.
 * A table would be state to hold for each connection, and what shares a table can be guessed by who shares the connection
 * (RFC 7541 section 7.1). nginx and HAProxy do the same.
 *
 * A block is a text, one character a byte, since a text is joined to others more cheaply than bytes are.
 */
import { staticFields } from './hpack-static-table.ts';

/**
 * Begins the first block of a connection: a table size update to nothing (RFC 7541 section 4.2). Whatever size the peer sets,
 * now or later, is kept by that, and it need not hold a table.
 */
export const noTable = '\x20';

/** Never to enter a table, here or further on (RFC 7541 section 7.1.3): secrets, some of them short. */
const secrets: ReadonlySet<string> = new Set([
  'set-cookie',
  'authorization',
  'cookie',
  'proxy-authorization',
]);

/** The names of the static table: their first index, as the beginning of a literal. */
const knownNames = new Map<string, string>();
/** Whole fields of the static table, `name: value`. */
const knownFields = new Map<string, string>();
for (let i = staticFields.length - 2; i >= 0; i -= 2) {
  const [name, value] = [staticFields[i]!, staticFields[i + 1]!];
  const index = i / 2 + 1;
  knownNames.set(name, integer(index, 4, secrets.has(name) ? 0x10 : 0));
  if (value !== '') knownFields.set(`${name}: ${value}`, integer(index, 7, 0x80));
}

/**
 * Beginnings of literals by the name as it was given, in any case: those of responses are few, and come again and again. Bounded,
 * since a backend may make up names without end.
 */
const nameCache = new Map<string, string>();
const maxCached = 1024;

/** @param value latin1 */
export function encodeField(name: string, value: string): string {
  return (nameCache.get(name) ?? encodeName(name)) + encodeString(value);
}

/** The same where clients choose the name: theirs would drive those of responses out of the cache. */
export const encodeClientField = (name: string, value: string): string =>
  beginning(name.toLowerCase()) + encodeString(value);

/** The `:status` of a response. */
export function encodeStatus(status: number): string {
  return knownFields.get(`:status: ${status}`) ?? encodeField(':status', String(status));
}

/** A field that may stand in the static table with its value, as pseudo-header fields do. */
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
