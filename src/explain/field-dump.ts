/**
 * A request of HTTP/2 as people have it: its fields as lines, as a browser's tools, nghttp and the events of the gateway show them. Pure.
 */
import { h2Request } from '../wire/h2-request.ts';
import type { HttpRequest } from '../wire/http-request.ts';

export interface FieldDump {
  readonly request: HttpRequest;
  /** Offsets in the text: of the value of a field of `rawHeaders`, at half its index; of values of pseudo-fields by their name. */
  readonly valueAt: readonly number[];
  readonly pseudoAt: ReadonlyMap<string, number>;
  /** Where a defect is that stands at an offset of the request's own text. */
  readonly placeOf: (at: number) => number;
}

/** The line that events begin with, which HTTP/2 has not. */
const requestLine = /^(\S+) (\S+) HTTP\/2(?:\.0)?\r?\n/;
const field = /^(:?[^:\r\n]*): ?([^\n]*?)\r?$/;

/** @returns null where it is none: it begins with a pseudo-field, or with a request line of HTTP/2 */
export function readFieldDump(text: string): FieldDump | null {
  const line = requestLine.exec(text);
  if (line === null && !/^:[a-z]+: ?\S/.test(text)) return null;
  const fields: string[] = [];
  const at: number[] = [];
  const end = text.search(/\r?\n\r?\n/);
  for (let from = line?.[0].length ?? 0; from < (end === -1 ? text.length : end); ) {
    const feed = text.indexOf('\n', from);
    const stop = feed === -1 ? text.length : feed;
    const [whole, name, value] = field.exec(text.slice(from, stop)) ?? [
      text.slice(from, stop),
      '',
      text.slice(from, stop),
    ];
    fields.push(name!, value!);
    at.push(from + whole!.length - value!.length - (whole!.endsWith('\r') ? 1 : 0));
    from = stop + 1;
  }
  if (line !== null) addFromLine(line, fields, at);
  // Whether content follows is not told: nothing is held against its length.
  const { request } = h2Request(fields, false);
  return { request, ...places(fields, at, request) };
}

/** An event tells method and path in the line, and the scheme not at all; of a malformed request it tells every field besides. */
function addFromLine([, method, target]: RegExpExecArray, fields: string[], at: number[]): void {
  if (fields.includes(':method')) return;
  fields.unshift(':method', method!, ':scheme', 'https', ':path', target!);
  at.unshift(0, 0, method!.length + 1);
}

function places(
  fields: readonly string[],
  at: readonly number[],
  { h2 }: HttpRequest,
): Omit<FieldDump, 'request'> {
  const pseudoAt = new Map<string, number>();
  const valueAt: number[] = [];
  const starts: number[] = [];
  // A defect is told by its place in the text that the request keeps of itself: a line, then all fields.
  let own = (h2?.text ?? '').indexOf('\r\n') + 2;
  let crumbs = false;
  for (let i = 0; i < fields.length; i += 2) {
    const [name, value] = [fields[i]!, fields[i + 1]!];
    starts.push(own);
    own += name.length + value.length + 4;
    const first = !pseudoAt.has(name);
    if (/^:(?:method|scheme|authority|path|protocol)$/.test(name) && first) pseudoAt.set(name, at[i / 2]!);
    else if (name !== 'cookie' || !crumbs) valueAt.push(at[i / 2]!);
    crumbs ||= name === 'cookie';
  }
  const placeOf = (place: number): number => {
    const index = starts.findLastIndex((start) => start <= place);
    return index === -1 ? 0 : Math.max(0, at[index]! - fields[2 * index]!.length - 2);
  };
  return { pseudoAt, valueAt, placeOf };
}
