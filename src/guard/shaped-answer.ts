/** An app's own body for a refusal. Status, headers and the end of the connection stay ours. */
import { validateHeaderValue } from 'node:http';
import type { ProbeEvent } from '../events/event.ts';
import { bannerWords, type RefusalBody } from './refusal.ts';

/**
 * @returns a text, or a body of another type: `{ type: 'application/json', body: '{"error":"refused"}' }`. At most 64 KiB, and
 * without the words that scanners take for the greeting of another service (ftp, ssh, smtp, pop3, imap).
 */
export type ShapeAnswer = (
  event: ProbeEvent,
) => string | { readonly type: string; readonly body: string } | undefined;

/** The longest body, in bytes: a refusal must not amplify. */
const longest = 64 * 1024;

/**
 * @returns null: the usual words
 * @throws Error where the body can't be sent, and whatever `shape` throws
 */
export function shapedAnswer(shape: ShapeAnswer, event: ProbeEvent): RefusalBody | null {
  const shaped = shape(event);
  if (shaped === undefined) return null;
  const { type, body } =
    typeof shaped === 'string'
      ? { type: 'text/plain; charset=utf-8', body: shaped }
      : ((shaped ?? {}) as Partial<typeof shaped>);
  if (typeof type !== 'string' || typeof body !== 'string')
    throw new TypeError('answer: the result is neither a text nor { type, body }');
  validateHeaderValue('content-type', type);
  const bytes = Buffer.from(body);
  if (bytes.length > longest)
    throw new RangeError(`answer: a body of ${bytes.length} bytes. Give at most 64 KiB`);
  const word = bannerWords.exec(body)?.[0];
  if (word !== undefined)
    throw new RangeError(
      `answer: the body says ${word}, which scanners take for that service. Leave the word out`,
    );
  return { type, bytes };
}
