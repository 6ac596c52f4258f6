/** Times and sizes with their units. No bare numbers: `timeout: 60` does not say whether 60 ms or 60 minutes. */

const durationUnits = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const sizeUnits = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

/** Without zero: some libraries take a timeout of 0 for none, and a connection without one is held for ever. */
export const durationPattern = '^[1-9][0-9]{0,8}(?:ms|s|m|h|d)$';
export const sizePattern = '^[1-9][0-9]{0,8}(?:B|KiB|MiB|GiB)$';

/** `10s` → 10000 milliseconds. Null if the text is no duration. */
export function parseDuration(text: string): number | null {
  if (!new RegExp(durationPattern).test(text)) return null;
  const amount = Number.parseInt(text, 10);
  return amount * durationUnits[text.slice(String(amount).length) as keyof typeof durationUnits];
}

/** `16KiB` → 16384 bytes. Null if the text is no size. */
export function parseSize(text: string): number | null {
  if (!new RegExp(sizePattern).test(text)) return null;
  const amount = Number.parseInt(text, 10);
  return amount * sizeUnits[text.slice(String(amount).length) as keyof typeof sizeUnits];
}
