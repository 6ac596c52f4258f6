/** Turns the escaped text of an event back into bytes: to judge them again, and to highlight the offending ones. */

export interface EscapedBytes {
  readonly bytes: Buffer;
  /** For each byte, and for the end: its offset in the escaped text. */
  readonly offsets: readonly number[];
}

export function unescapeBytes(text: string): EscapedBytes {
  const bytes: number[] = [];
  const offsets: number[] = [];
  const escaped = /\\(?:x([0-9a-f]{2})|([rn\\]))/y;
  for (let at = 0; at < text.length; ) {
    offsets.push(at);
    escaped.lastIndex = at;
    const found = text[at] === '\\' ? escaped.exec(text) : null;
    if (found === null) {
      bytes.push(text.charCodeAt(at) & 0xff);
      at++;
      continue;
    }
    const [whole, hex, letter] = found;
    bytes.push(hex !== undefined ? Number.parseInt(hex, 16) : { r: 13, n: 10, '\\': 92 }[letter as 'r']!);
    at += whole.length;
  }
  offsets.push(text.length);
  return { bytes: Buffer.from(bytes), offsets };
}
