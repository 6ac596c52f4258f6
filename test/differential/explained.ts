/**
 * Why a web server may read another request, or none, where Sekisho forwards one. docs/explanation/same-request.md explains each reason.
 */
import type { Disagreement } from './compare.ts';
import { own } from './grammar.ts';
import type { Reached } from './servers.ts';

export const reasons = {
  path: 'the path is resolved',
  refusedPath: 'the path is refused',
  rawPath: 'the path is encoded',
  repeated: 'a field is repeated',
  asterisk: 'the server itself is asked',
  foreign: 'the next request is for another host',
} as const;

/** The reason for a disagreement; null: unexplained. */
export function explain({ bytes, reaches: { sekisho, nginx, apache } }: Disagreement): string | null {
  const others = [nginx, apache].filter((theirs) => theirs.length > 0);
  if (others.length > 0) {
    if (others.every((theirs) => samePaths(sekisho, theirs))) return reasons.path;
    const further = others.flatMap((theirs) => theirs.slice(sekisho.length));
    const same = others.every((theirs) => samePaths(sekisho, theirs.slice(0, sekisho.length)));
    return same && further.every(({ host }) => host !== own) ? reasons.foreign : null;
  }
  const [request] = sekisho;
  if (sekisho.length !== 1 || request === undefined) return null;
  if (request.target === '*' || /^OPTIONS http:\/\/[^/ ]+ /.test(bytes)) return reasons.asterisk;
  if (isRefusedPath(request.target)) return reasons.refusedPath;
  // Both forward it unchanged, and the backend of the test refuses it: it uses Node's parser.
  if (/^\S+ \S*[\x80-\xff]/.test(bytes) && /^[\x21-\x7e]+$/.test(request.target)) return reasons.rawPath;
  const names = bytes
    .slice(0, bytes.indexOf('\r\n\r\n'))
    .split('\r\n')
    .slice(1)
    .map((line) => line.split(':')[0]!.toLowerCase());
  if (
    names.some(
      (name, i) => ['expect', 'max-forwards', 'range', 'te'].includes(name) && names.indexOf(name) !== i,
    )
  ) {
    return reasons.repeated;
  }
  return null;
}

/** Whether the requests differ only in dot segments, repeated slashes and percent-encoding. */
function samePaths(ours: readonly Reached[], theirs: readonly Reached[]): boolean {
  return (
    ours.length === theirs.length &&
    ours.every((one, i) => {
      const other = theirs[i]!;
      return (
        one.method === other.method &&
        one.host === other.host &&
        one.body === other.body &&
        resolved(one.target) === resolved(other.target)
      );
    })
  );
}

/** The path as a server normalises it (RFC 3986 section 6.2.2). */
export function resolved(target: string): string {
  const query = target.indexOf('?');
  const path = query === -1 ? target : target.slice(0, query);
  const decoded = path.replace(/%([0-9a-f]{2})/gi, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  const segments: string[] = [];
  const parts = decoded
    .replace(/\/{2,}/g, '/')
    .split('/')
    .slice(1);
  for (const [i, part] of parts.entries()) {
    const last = i === parts.length - 1;
    if (part === '..') segments.pop();
    if (part !== '..' && part !== '.') segments.push(part);
    else if (last) segments.push('');
  }
  return `/${segments.join('/')}${query === -1 ? '' : target.slice(query)}`;
}

/** A malformed percent-encoding, an encoded NUL, or dot segments that leave the root. */
function isRefusedPath(target: string): boolean {
  const path = target.split('?')[0]!;
  if (/%(?![0-9a-f]{2})|%00/i.test(path)) return true;
  let depth = 0;
  for (const segment of path.replaceAll(/%2e/gi, '.').replaceAll(/%2f/gi, '/').split('/')) {
    if (segment === '..') depth--;
    else if (segment !== '' && segment !== '.') depth++;
    if (depth < 0) return true;
  }
  return false;
}
