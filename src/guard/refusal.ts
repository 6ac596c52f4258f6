/** The bytes a refused sender gets. They never look like a success, and hold no word that a banner scanner matches. */
import { STATUS_CODES } from 'node:http';
import { catalogue, type Rule, type RuleId } from '../rules/catalogue.ts';

export interface Refusal {
  readonly status: number;
  readonly reason: string;
  /** name, value, name, value … */
  readonly headers: readonly string[];
  readonly body: string;
}

/** Scanners take a line with one of these for the greeting of the service they look for. */
const bannerWords = /ftp|ssh|smtp|pop3|imap/i;

/** The methods offered to a sender of a refused one (RFC 9110 section 15.5.6). */
const allow = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';

/**
 * @param status 4xx or 5xx
 * @param rule named in the body so that an operator can look it up; nothing of the request is repeated
 */
export function refusal(status: number, rule: RuleId): Refusal {
  const reason = STATUS_CODES[status] ?? 'Refused';
  const told = `${(catalogue[rule] as Rule).title} [${rule}]`;
  const body = `${status} ${reason}\n${bannerWords.test(told) ? '' : `Refused: ${told}.\n`}`;
  const headers = [
    'Content-Type',
    'text/plain; charset=utf-8',
    'Content-Length',
    String(body.length),
    'Cache-Control',
    'no-store',
  ];
  if (status === 405) headers.push('Allow', allow);
  headers.push('Connection', 'close');
  return { status, reason, headers, body };
}

/** The same as one message, for a socket that no response object belongs to. */
export function refusalBytes(status: number, rule: RuleId): string {
  const { reason, headers, body } = refusal(status, rule);
  let head = `HTTP/1.1 ${status} ${reason}\r\n`;
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
  return `${head}\r\n${body}`;
}
