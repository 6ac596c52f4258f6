import { unescapeBytes } from '../admin/escaped-bytes.ts';

/** The bytes of a probe in a line of Sekisho's own log (`log.format` json); null if it is none. */
export function ownEvent(given: Buffer): Buffer | null {
  if (given[0] !== 0x7b || given.length > 64 * 1024) return null;
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(given.toString('utf8'));
  } catch {
    return null;
  }
  const { event, rule, request, bytes } = entry;
  if (event !== 'probe' || typeof rule !== 'string') return null;
  // Of a mail session the command that was refused is judged, not what came before it.
  if (rule.startsWith('smtp-') && typeof request === 'string' && request !== '')
    return Buffer.from(`${request}\r\n`, 'latin1');
  return typeof bytes === 'string' && bytes !== '' ? unescapeBytes(bytes).bytes : null;
}
