/**
 * An HTTP/2 request as text: one field per line, as shown by browser tools, nghttp and the gateway's events. Pure.
 */
import { h2Request } from '../wire/h2-request.ts';
import type { HttpRequest } from '../wire/http-request.ts';

export interface FieldDump {
  readonly request: HttpRequest;
  /** Offset in the input of each field value in `rawHeaders`, at half its index. */
  readonly valueAt: readonly number[];
  /** Offset in the input of each pseudo-field's value, by name. */
  readonly pseudoAt: ReadonlyMap<string, number>;
  /** Maps an offset in `request.h2.text`, where defects are located, to the input. */
  readonly placeOf: (at: number) => number;
}

/** The first line of the gateway's events, which HTTP/2 itself does not have. */
const requestLine = /^(\S+) (\S+) HTTP\/2(?:\.0)?\r?\n/;
const field = /^(:?[^:\r\n]*): ?([^\n]*?)\r?$/;

/** @returns null unless the text begins with a pseudo-field or an HTTP/2 request line */
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
  // A dump does not show the body, so content-length is not checked.
  const { request } = h2Request(fields, false);
  return { request, ...places(fields, at, request) };
}

/** An event has method and path in its first line and no scheme. The event of a malformed request has all fields as well. */
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
  // Defects are located in `h2.text`: a line, then all fields.
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
