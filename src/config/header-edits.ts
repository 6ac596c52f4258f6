/** `sites[].headers`: the fields to set, add and remove. */
import type { FieldEdit } from '../forward/field-edits.ts';
import { isToken } from '../wire/token.ts';
import type { Finding } from './schema-faults.ts';

export interface HeaderEdits {
  readonly request: readonly FieldEdit[];
  readonly response: readonly FieldEdit[];
}

const longestName = 256;
/** RFC 9110 section 5.5, in ASCII: a line end in a value would begin another field. */
const fieldValue = /^[\x21-\x7e](?:[\t\x20-\x7e]{0,4094}[\x21-\x7e])?$/;
/** Framing and hop-by-hop fields: with wrong ones, the next hop sees a message end elsewhere than we do. */
const never =
  /^(?:connection|keep-alive|proxy-connection|proxy-authenticate|proxy-authorization|te|trailer|transfer-encoding|upgrade|content-length|http2-settings|date|sec-websocket-.*)$/;
/** Fields that we write ourselves, so that backends can trust them. */
const ours =
  /^(?:host|expect|proxy|via|forwarded|x-real-ip|x-client-cert-subject|x-forwarded-(?:for|host|proto|port))$/;

/** @param headers as validated */
export const headerEdits = (headers: {
  readonly request: Record<string, unknown>;
  readonly response: Record<string, unknown>;
}): HeaderEdits => ({
  request: Object.entries(headers.request).map(edit),
  response: Object.entries(headers.response).map(edit),
});

function edit([name, wanted]: [string, unknown]): FieldEdit {
  if (wanted === false) return { name, action: 'remove', value: '' };
  if (typeof wanted === 'string') return { name, action: 'set', value: wanted };
  return { name, action: 'add', value: (wanted as { add: string }).add };
}

/** Faults of the edits of one site. Documents may have any shape. */
export function headerFindings(path: Finding['path'], headers: unknown): Finding[] {
  return (['request', 'response'] as const).flatMap((way) => {
    const edits = (headers as Record<string, unknown> | null | undefined)?.[way];
    if (typeof edits !== 'object' || edits === null || Array.isArray(edits)) return [];
    return Object.entries(edits).flatMap(([name, wanted]) => {
      const fault = nameFault(way, name) ?? valueFault(wanted);
      return fault === null ? [] : [{ path: [...path, 'headers', way, name], ...fault }];
    });
  });
}

type Fault = Pick<Finding, 'message' | 'fix' | 'ofKey'>;

function nameFault(way: 'request' | 'response', name: string): Fault | null {
  const lower = name.toLowerCase().replaceAll('_', '-');
  if (!isToken(name) || name.length > longestName)
    return { message: 'is not a header name', fix: 'write one such as X-Frame-Options', ofKey: true };
  if (never.test(lower))
    return {
      message: 'frames the message, or belongs to one connection only: a config must not change it',
      fix: 'remove it',
      ofKey: true,
    };
  if (way === 'request' && ours.test(lower))
    return {
      message: 'is written by Sekisho, so that a backend can trust it',
      fix: 'remove it',
      ofKey: true,
    };
  return null;
}

function valueFault(wanted: unknown): Fault | null {
  if (wanted === false) return null;
  const keys = typeof wanted === 'object' && wanted !== null ? Object.keys(wanted).join() : null;
  const value = keys === 'add' ? (wanted as { add: unknown }).add : wanted;
  if (typeof value === 'string' && fieldValue.test(value)) return null;
  return {
    message:
      typeof value === 'string' ? 'holds characters that no header may hold' : 'is neither text nor false',
    fix: 'write its value in quotes, false to remove it, or { add: VALUE }: visible ASCII, at most 4096 bytes',
  };
}
