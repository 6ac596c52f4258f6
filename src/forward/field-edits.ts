/** What a config changes of the fields of a message that passes. */
import { FieldNames } from '../wire/field-names.ts';

export interface FieldEdit {
  readonly name: string;
  /** `set` replaces what there is, `add` leaves it. */
  readonly action: 'set' | 'add' | 'remove';
  /** Empty for `remove`. */
  readonly value: string;
}

export class FieldEdits {
  /** Lines to add, each with its CRLF. */
  readonly lines: string;
  readonly #dropped: FieldNames;

  constructor(edits: readonly FieldEdit[]) {
    const added = edits.filter(({ action }) => action !== 'remove');
    this.lines = added.map(({ name, value }) => `${name}: ${value}\r\n`).join('');
    const dropped = edits.filter(({ action }) => action !== 'add');
    this.#dropped = new FieldNames('', ...dropped.map(({ name }) => hyphened(name.toLowerCase())));
  }

  /** Null where there is nothing to change: then nothing is looked at. */
  static of(edits: readonly FieldEdit[]): FieldEdits | null {
    return edits.length === 0 ? null : new FieldEdits(edits);
  }

  /**
   * Whether a field that came is left out. CGI and its heirs read `X_User` as `X-User`, so a client could say in the one
   * spelling what is set in the other.
   */
  drops(name: string): boolean {
    return this.#dropped.has(name.includes('_') ? hyphened(name) : name);
  }

  /** @param fields lines as `ResponseHead.fields` has them */
  applyTo(fields: string): string {
    let kept = '';
    for (let at = 0; at < fields.length; ) {
      const next = fields.indexOf('\r\n', at) + 2;
      if (!this.drops(fields.slice(at, fields.indexOf(':', at)))) kept += fields.slice(at, next);
      at = next;
    }
    return kept + this.lines;
  }
}

const hyphened = (name: string): string => name.replaceAll('_', '-');
