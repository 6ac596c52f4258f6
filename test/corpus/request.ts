import type { Answer, RuleId } from '../../src/rules/catalogue.ts';
import type { Backend, CorpusRow, Refused, Served } from './row.ts';

/** The name of the first site, in the form the backend sees. */
export const own = 'www.example.net';

/** A header section: each line ended by CR LF, and the empty line. */
export const head = (...lines: string[]): string => lines.join('\r\n') + '\r\n\r\n';

/** The UTF-8 bytes of a text, one character per byte. */
export const utf8 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

/** Bytes from hexadecimal digits, one character per byte. Spaces are ignored. */
export const hex = (digits: string): string =>
  Buffer.from(digits.replaceAll(' ', ''), 'hex').toString('latin1');

export const served = (line: string, more: Partial<Backend> = {}): Served => ({
  verdict: 'allow',
  backend: { line, host: own, ...more },
});

export const flagged = (rule: RuleId, line: string, more: Partial<Backend> = {}): Served => ({
  verdict: 'flag',
  rule,
  backend: { line, host: own, ...more },
});

export const refused = (rule: RuleId, answer: Answer, more: Partial<Refused> = {}): Refused => ({
  verdict: 'block',
  rule,
  answer,
  ...more,
});

/** Hop-by-hop headers, and those that the gateway writes itself: not compared. */
const ofOneHop =
  /^(host|connection|keep-alive|te|trailer|transfer-encoding|content-length|upgrade|expect|via|forwarded|x-forwarded-.*)$/;

/** A legitimate request. The backend must see everything that `expect` does not mention as it was sent. */
export function legitimate(
  row: Pick<CorpusRow, 'id' | 'reference' | 'client'> & { head: string[]; body?: string } & {
    expect?: Partial<Backend>;
  },
): CorpusRow {
  const [line, ...headers] = row.head;
  const has: Record<string, string> = {};
  const seen = new Set<string>();
  for (const header of headers) {
    const colon = header.indexOf(':');
    const name = header.slice(0, colon).toLowerCase();
    // A name sent twice has no single value to compare.
    if (seen.has(name)) delete has[name];
    else if (!ofOneHop.test(name)) has[name] = header.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '');
    seen.add(name);
  }
  return {
    id: row.id,
    reference: row.reference,
    bytes: head(...row.head) + (row.body ?? ''),
    expect: served(line!.replace(/HTTP\/1\.0$/, 'HTTP/1.1'), {
      ...(row.body === undefined ? {} : { body: row.body }),
      ...row.expect,
      has: { ...has, ...row.expect?.has },
    }),
    ...(row.client && { client: row.client }),
  };
}
