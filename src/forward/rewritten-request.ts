/** Changes that an app makes to a request before it is forwarded. */
import { validateHeaderName, validateHeaderValue } from 'node:http';
import type { FastifyRequest } from 'fastify';
import type { Judged } from '../guard/checkpoint.ts';
import { is } from '../wire/field-names.ts';
import { listMembers } from '../wire/header-facts.ts';
import { isRewritten } from './forwarded-head.ts';
import { type Fields, fieldsOf, type ReplyOptions } from './reply-side.ts';

/**
 * The request with the fields that the app's hooks left in `request.headers`. Apps remove there what clients may not say (`X-User`),
 * and say it themselves: a backend that trusts them must not get the client's.
 *
 * @throws Error where a hook has set an invalid field
 */
export function asHooksLeftIt(judged: Judged, request: FastifyRequest): Judged {
  const { rawHeaders } = judged.request;
  const sent = fieldsOf(rawHeaders);
  const left = Object.create(null) as Record<string, Fields[string] | undefined>;
  // Spellings of their own are the app's, so they come last.
  for (const own of [false, true])
    for (const [name, value] of Object.entries(request.headers as Fields))
      if ((name !== name.toLowerCase()) === own && !name.startsWith(':')) left[name.toLowerCase()] = value;
  const names = new Set([...Object.keys(sent), ...Object.keys(left)]);
  const changed = [...names].filter((name) => !isRewritten(name) && !isSame(name, sent[name], left[name]));
  if (changed.length === 0) return judged;
  const set = rawOf(Object.fromEntries(changed.map((name) => [name, left[name] ?? []])));
  const kept = { ...judged.request, rawHeaders: [...keeping(rawHeaders, changed), ...set] };
  const strip = rawHeaders.flatMap((name, i) =>
    i % 2 === 0 && changed.includes(name.toLowerCase()) ? [i] : [],
  );
  return {
    ...judged,
    request: kept,
    verdict: { ...judged.verdict, strip: [...judged.verdict.strip, ...strip] },
  };
}

/** Whether a field is as Node reads it from these lines: joined. Of fields that may occur once, Node takes the first line. */
function isSame(name: string, sent: Fields[string] | undefined, left: Fields[string] | undefined): boolean {
  if (sent === undefined || left === undefined) return sent === left;
  const lines = [sent].flat();
  return Array.isArray(left)
    ? left.length === lines.length && left.every((line, i) => line === lines[i])
    : String(left) === lines.join(name === 'cookie' ? '; ' : ', ');
}

/** The same lines, where no Connection of the client removes one of these fields, which the app has set. */
function keeping(rawHeaders: readonly string[], names: readonly string[]): string[] {
  return rawHeaders.map((text, i) =>
    i % 2 === 1 && is(rawHeaders[i - 1]!, 'connection')
      ? listMembers(text)
          .filter((member) => !names.includes(member))
          .join(', ')
      : text,
  );
}

/** @throws Error where a returned field is invalid, and whatever `rewrite` throws */
export function rewritten(
  judged: Judged,
  request: FastifyRequest,
  rewrite: ReplyOptions['rewriteRequestHeaders'],
): Judged {
  if (rewrite === undefined) return judged;
  const { strip } = judged.verdict;
  const kept = judged.request.rawHeaders.filter((_, i) => !strip.includes(i - (i % 2)));
  const before = fieldsOf(kept);
  const fields = rewrite(request, fieldsOf(kept));
  const set = Object.keys(fields).filter(
    (name) => String(fields[name]) !== String(before[name.toLowerCase()]),
  );
  const rawHeaders = keeping(
    rawOf(fields),
    set.map((name) => name.toLowerCase()),
  );
  return {
    ...judged,
    request: { ...judged.request, rawHeaders },
    verdict: { ...judged.verdict, strip: [] },
  };
}

/** Validated: a line break in a value would begin another field, maybe another request. */
function rawOf(fields: Fields): string[] {
  return Object.entries(fields).flatMap(([name, values]) =>
    [values ?? []].flat().flatMap((value) => {
      validateHeaderName(name);
      validateHeaderValue(name, value);
      return [name, String(value)];
    }),
  );
}

/**
 * Replaces the prefix of a path.
 *
 * @param path in origin form, with its query
 * @returns 404 where the router matched another spelling of the prefix; 400 where the path would climb out of the new one
 */
export function withPrefix(path: string, prefix: string, other: string): string | 400 | 404 {
  const rest = path.slice(prefix.length);
  if (!path.startsWith(prefix) || !/^(?:[/?]|$)/.test(rest)) return 404;
  const [way] = rest.split('?', 1);
  if (climbs(way!)) return 400;
  const base = other.replace(/\/$/, '');
  return base === '' && !rest.startsWith('/') ? `/${rest}` : base + rest;
}

/** Whether a server that decodes the path, once or twice, finds a `..` in it. */
function climbs(way: string): boolean {
  let text = way;
  for (let i = 0; i < 3; i++) {
    if (/(?:^|[/\\])\.\.(?:[/\\;]|$)/.test(text)) return true;
    text = text.replace(/%(2e|2f|5c|25)/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
  }
  return false;
}
