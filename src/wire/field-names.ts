/**
 * A set of field names. Most names of a message are not in it and are excluded by their length. Names are not lower-cased or
 * hashed: done for each field, that takes 3 % of the time of a forwarded request.
 */
export class FieldNames {
  readonly #byLength: string[][] = [];

  /** @param names in lower case */
  constructor(...names: readonly string[]) {
    const longest = Math.max(...names.map((name) => name.length));
    for (let length = 0; length <= longest; length++) {
      this.#byLength.push(names.filter((name) => name.length === length));
    }
  }

  /** @param name in any case */
  has(name: string): boolean {
    if (name.length >= this.#byLength.length) return false;
    const names = this.#byLength[name.length]!;
    for (let i = 0; i < names.length; i++) if (is(name, names[i]!)) return true;
    return false;
  }
}

/** Case-insensitive comparison (ASCII) with a lower-case text, without making a string. */
export function is(text: string, lower: string): boolean {
  if (text.length !== lower.length) return false;
  for (let i = 0; i < lower.length; i++) {
    const code = text.charCodeAt(i);
    if ((code >= 0x41 && code <= 0x5a ? code | 0x20 : code) !== lower.charCodeAt(i)) return false;
  }
  return true;
}

/** The same for the part of a text that begins at an offset, without a substring. */
export function isAt(text: string, at: number, lower: string): boolean {
  for (let i = 0; i < lower.length; i++) {
    const code = text.charCodeAt(at + i);
    if ((code >= 0x41 && code <= 0x5a ? code | 0x20 : code) !== lower.charCodeAt(i)) return false;
  }
  return true;
}
