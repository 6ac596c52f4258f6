/**
 * A set of field names, lower case, that most names of a message are not in. Those are told by their length alone, from the
 * bits of one number: a look into a set of lengths, for each field, took 2 % of the time of a forwarded request.
 */
export class FieldNames {
  readonly #names: ReadonlySet<string>;
  readonly #lengths: number;

  constructor(...names: readonly string[]) {
    this.#names = new Set(names);
    this.#lengths = names.reduce((bits, { length }) => {
      if (length > 31) throw new RangeError('a name longer than the bits of a number');
      return bits | (1 << length);
    }, 0);
  }

  /** @param name in any case */
  has(name: string): boolean {
    const { length } = name;
    return length < 32 && ((this.#lengths >>> length) & 1) === 1 && this.#names.has(name.toLowerCase());
  }
}
