/** Response heads as field blocks, RFC 9113 section 8.3.2. */
import { is } from '../wire/field-names.ts';
import { connectionSpecific } from '../wire/h2-request.ts';
import { encodeField, encodeStatus } from '../wire/hpack-encoder.ts';

/**
 * @param lines fields, each with its CRLF (`ResponseHead.fields`)
 * @param dated they include a Date
 */
export function responseBlock(status: number, lines: string, dated: boolean): string {
  let block = encodeStatus(status);
  // RFC 9110 section 8.6: no Content-Length on a response that can't have content; clients reject it.
  const lengthless = status < 200 || status === 204;
  for (let at = 0; at < lines.length; ) {
    const colon = lines.indexOf(':', at);
    const end = lines.indexOf('\r\n', colon);
    const name = lines.slice(at, colon);
    at = end + 2;
    if (connectionSpecific.has(name)) continue;
    if (lengthless && name.length === 14 && is(name, 'content-length')) continue;
    block += encodeField(name, lines.slice(colon + 2, end));
  }
  // RFC 9110 section 6.6.1: a recipient that forwards a response without a Date adds one.
  return dated || status < 200 ? block : block + encodeField('date', new Date().toUTCString());
}
