/** Response heads for HTTP/1 clients. */
import type { ResponseHead } from '../wire/response-head.ts';

/** RFC 9110 section 6.6.1: a recipient that forwards a response without a Date adds one. Formatted once a second. */
let date = '';
let madeAt = 0;

function dateLine(): string {
  const now = Date.now();
  if (now - madeAt >= 1000 || now < madeAt) {
    madeAt = now - (now % 1000);
    date = `Date: ${new Date(now).toUTCString()}\r\n`;
  }
  return date;
}

/** @param more further lines, each with its CRLF: framing and Connection */
export function responseText({ status, reason, fields, dated }: ResponseHead, more: string): string {
  return dated
    ? `HTTP/1.1 ${status} ${reason}\r\n${fields}${more}\r\n`
    : `HTTP/1.1 ${status} ${reason}\r\n${fields}${dateLine()}${more}\r\n`;
}

/** RFC 9110 section 15.2: an informational response has no framing, and needs no Date. */
export const informationText = ({ status, reason, fields }: ResponseHead): string =>
  `HTTP/1.1 ${status} ${reason}\r\n${fields}\r\n`;

/** For answers of the gateway itself. @param headers name, value, name, value … */
export function ownText(status: number, reason: string, headers: readonly string[], more: string): string {
  let text = `HTTP/1.1 ${status} ${reason}\r\n`;
  for (let i = 0; i < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`;
  return `${text}${dateLine()}${more}\r\n`;
}
