/** Edits to the fields of messages, from the config. */
import { FieldNames } from '../wire/field-names.ts';

export interface FieldEdit {
  readonly name: string;
  /** `set` replaces existing fields, `add` keeps them. */
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

  /** Null where there are none, so that fields are not even scanned. */
  static of(edits: readonly FieldEdit[]): FieldEdits | null {
    return edits.length === 0 ? null : new FieldEdits(edits);
  }

  /**
   * Whether a field of the message is dropped. CGI and its heirs read `X_User` as `X-User`, so a client could send in one spelling
   * what the config sets in the other.
   */
  drops(name: string): boolean {
    return this.#dropped.has(name.includes('_') ? hyphened(name) : name);
  }

  /** @param fields in the form of `ResponseHead.fields` */
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
