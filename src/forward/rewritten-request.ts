/** Changes that an app makes to a request before it is forwarded. */
import { validateHeaderName, validateHeaderValue } from 'node:http';
import type { FastifyRequest } from 'fastify';
import type { Judged } from '../guard/checkpoint.ts';
import { type Fields, fieldsOf, type ReplyOptions } from './reply-side.ts';

/** @throws Error where a returned field is invalid, and whatever `rewrite` throws */
export function rewritten(
  judged: Judged,
  request: FastifyRequest,
  rewrite: ReplyOptions['rewriteRequestHeaders'],
): Judged {
  if (rewrite === undefined) return judged;
  const { strip } = judged.verdict;
  const kept = judged.request.rawHeaders.filter((_, i) => !strip.includes(i - (i % 2)));
  const rawHeaders = rawOf(rewrite(request, fieldsOf(kept)));
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
