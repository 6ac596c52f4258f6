/** The four forms of a request-target, RFC 9112 section 3.2. */
import { type Authority, isMalformed, type Malformed, parseAuthority } from './authority.ts';

export interface OriginForm {
  readonly form: 'origin';
  /** Path and query, byte for byte; bytes beyond ASCII are percent-encoded. */
  readonly path: string;
}

export interface AbsoluteForm {
  readonly form: 'absolute';
  /** Lower case, without the colon. */
  readonly scheme: string;
  /** Null for a scheme other than http and https. */
  readonly authority: Authority | null;
  /** Path and query in origin form: `/` for an empty path, `*` for OPTIONS with an empty one (section 3.2.4). */
  readonly path: string;
  /** Offsets of the text after `scheme://` up to the path. */
  readonly authorityStart: number;
  readonly authorityEnd: number;
}

export interface AuthorityForm {
  readonly form: 'authority';
  readonly authority: Authority;
}

export interface AsteriskForm {
  readonly form: 'asterisk';
}

export type RequestTarget = OriginForm | AbsoluteForm | AuthorityForm | AsteriskForm;

/**
 * Space, controls and DEL. Other characters that RFC 3986 does not allow may pass, since they do not change the host: browsers send
 * `|`, `"`, `{` and `^`, and old clients raw UTF-8.
 */
const invisible = /[\0-\x20\x7f]/;
/** Raw UTF-8 or another charset: served, as nginx, Apache and Caddy do. */
const beyondAscii = /[\x80-\xff]/;
/** With `_`, which RFC 3986 does not allow, for Squid's `cache_object:`. */
const schemePrefix = /^[A-Za-z][A-Za-z0-9+._-]*:/;

/**
 * Reads a request-target. Total: any text gives a `RequestTarget`, or a `Malformed` with the offset of the fault.
 *
 * @param target one character per byte (latin1)
 */
export function parseRequestTarget(method: string, target: string): RequestTarget | Malformed {
  const at = target.search(invisible);
  if (at !== -1) return { malformed: 'a space or control character', at };
  // A fragment is never sent (RFC 9110 section 4.2.5); servers disagree on whether it ends the path.
  const hash = target.indexOf('#');
  if (hash !== -1) return { malformed: 'a fragment', at: hash };
  if (method === 'CONNECT') return authorityForm(target);
  if (target.charCodeAt(0) === 0x2f) return { form: 'origin', path: inAscii(target) };
  if (target === '*') {
    return method === 'OPTIONS'
      ? { form: 'asterisk' }
      : { malformed: '* with a method other than OPTIONS', at: 0 };
  }
  const scheme = schemePrefix.exec(target)?.[0];
  if (scheme === undefined) return { malformed: 'neither a path nor a URL', at: 0 };
  const afterScheme = target.slice(scheme.length);
  // By the grammar of RFC 3986 `example.net:80` begins with a scheme, but it is authority-form, which is legal for CONNECT only.
  if (/^\d{1,5}$/.test(afterScheme))
    return { malformed: 'authority-form with a method other than CONNECT', at: 0 };
  return absoluteForm(method, target, scheme.slice(0, -1).toLowerCase(), scheme.length);
}

function authorityForm(target: string): AuthorityForm | Malformed {
  const authority = parseAuthority(target);
  return isMalformed(authority) ? authority : { form: 'authority', authority };
}

function absoluteForm(
  method: string,
  target: string,
  scheme: string,
  colon: number,
): AbsoluteForm | Malformed {
  const hierarchical = target.startsWith('//', colon);
  const authorityStart = hierarchical ? colon + 2 : colon;
  const rest = target.slice(authorityStart);
  const length = rest.search(/[/?]/);
  const authorityEnd = length === -1 ? target.length : authorityStart + length;
  const path = inAscii(originPath(method, target.slice(authorityEnd)));
  if (scheme !== 'http' && scheme !== 'https') {
    return { form: 'absolute', scheme, authority: null, path, authorityStart, authorityEnd };
  }
  // Lenient parsers complete `http:/10.0.0.1/` and `http:evil` to a URL with a host (CVE-2011-4317).
  if (!hierarchical) return { malformed: `${scheme}: without //`, at: colon };
  const authority = parseAuthority(target.slice(authorityStart, authorityEnd));
  if (isMalformed(authority)) return { malformed: authority.malformed, at: authorityStart + authority.at };
  return { form: 'absolute', scheme, authority, path, authorityStart, authorityEnd };
}

function originPath(method: string, rest: string): string {
  if (rest === '') return method === 'OPTIONS' ? '*' : '/';
  return rest.charCodeAt(0) === 0x3f ? '/' + rest : rest;
}

/** Percent-encodes bytes beyond ASCII (RFC 3986 section 2.1): the same path, in bytes that all servers read alike. */
const inAscii = (path: string): string =>
  beyondAscii.test(path)
    ? path.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`)
    : path;

/** Offset in the percent-encoded target → offset in the target as sent. */
export function rawOffset(target: string, offset: number): number {
  let at = 0;
  for (let left = offset; left > 0 && at < target.length; at++) left -= target.charCodeAt(at) < 0x80 ? 1 : 3;
  return at;
}
