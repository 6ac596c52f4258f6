import type { HttpRequest } from './http-request.ts';

/** The request line. */
export const requestLine = ({ method, target, version }: HttpRequest): string =>
  `${method} ${target} HTTP/${version}`;

/** A request head as text, for evidence. The parser keeps no bytes, so the spacing is canonical. */
export function headText({ method, target, version, rawHeaders, h2 }: HttpRequest): string {
  if (h2?.text !== undefined) return h2.text;
  let text = `${method} ${target} HTTP/${version}\r\n`;
  if (h2?.authority != null) text += `:authority: ${h2.authority}\r\n`;
  for (let i = 0; i < rawHeaders.length; i += 2) text += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`;
  return `${text}\r\n`;
}
