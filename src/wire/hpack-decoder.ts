/**
 * Reads the field blocks of one HTTP/2 connection, RFC 7541. Pure and total. The cost of a block is bounded by its own bytes: an
 * indexed field is not copied, however long it is.
 */
import { staticFields, staticSize } from './hpack-static-table.ts';
import { huffmanDecode } from './huffman.ts';

export interface FieldBlock {
  /** name, value, name, value …, in order; latin1. Incomplete if `tooLong`. */
  readonly fields: string[];
  /** Bytes of all names and values, and four per field: their size as HTTP/1 lines. */
  size: number;
  /** The fields exceed the limit: those beyond it were decoded to keep the table in step, and are not in `fields`. */
  tooLong: boolean;
  /** Even indexes of never-indexed fields, which must not enter a table on any hop (RFC 7541 section 7.1.3). */
  neverIndexed: number[] | null;
}

/** What an entry counts in the table in addition to its name and value, RFC 7541 section 4.1. */
const entryOverhead = 32;
/** `: ` and the line end. */
const lineOverhead = 4;
/** Shared memory for decoding strings; longer strings get their own. */
const scratch = Buffer.allocUnsafeSlow(16 * 1024);

export class HpackDecoder {
  readonly #maxTable: number;
  #allowed: number;
  #size = 0;
  /** A ring buffer: the newest entry is before `#next`. */
  readonly #names: string[];
  readonly #values: string[];
  #next = 0;
  #count = 0;
  /** Why the last block was malformed. */
  fault = '';
  #at = 0;

  /** @param maxTable bytes of the dynamic table, as announced in SETTINGS_HEADER_TABLE_SIZE */
  constructor(maxTable = 4096) {
    this.#maxTable = maxTable;
    this.#allowed = maxTable;
    const most = Math.floor(maxTable / entryOverhead) + 1;
    this.#names = new Array<string>(most).fill('');
    this.#values = new Array<string>(most).fill('');
  }

  /** Size of the dynamic table; at most `maxTable`. */
  get tableSize(): number {
    return this.#size;
  }

  /**
   * Reads one whole block.
   *
   * @param limit bytes of fields to keep, counted as in `FieldBlock.size`
   * @returns null if the block is malformed: the table is no longer reliable (COMPRESSION_ERROR), and `fault` says why
   */
  decode(bytes: Buffer, start: number, end: number, limit: number): FieldBlock | null {
    const block: FieldBlock = { fields: [], size: 0, tooLong: false, neverIndexed: null };
    this.#at = start;
    this.fault = '';
    while (this.#at < end) {
      const first = bytes[this.#at]!;
      if (first >= 0x80) {
        if (!this.#indexed(bytes, end, block, limit)) return null;
      } else if (first >= 0x40) {
        if (!this.#literal(bytes, end, block, limit, 6, true)) return null;
      } else if (first >= 0x20) {
        if (!this.#resize(bytes, end, block)) return null;
      } else {
        const before = block.fields.length;
        if (!this.#literal(bytes, end, block, limit, 4, false)) return null;
        if (first >= 0x10 && block.fields.length > before) {
          block.neverIndexed ??= [];
          block.neverIndexed.push(before);
        }
      }
    }
    return block;
  }

  #indexed(bytes: Buffer, end: number, block: FieldBlock, limit: number): boolean {
    const index = this.#integer(bytes, end, 7);
    if (index === -1) return false;
    if (index > 0 && index <= staticSize) {
      add(block, staticFields[2 * index - 2]!, staticFields[2 * index - 1]!, limit);
      return true;
    }
    const entry = this.#entry(index);
    if (entry === -1) return false;
    add(block, this.#names[entry]!, this.#values[entry]!, limit);
    return true;
  }

  #literal(
    bytes: Buffer,
    end: number,
    block: FieldBlock,
    limit: number,
    prefix: number,
    indexing: boolean,
  ): boolean {
    const index = this.#integer(bytes, end, prefix);
    if (index === -1) return false;
    let name: string | null;
    if (index === 0) name = this.#string(bytes, end);
    else if (index <= staticSize) name = staticFields[2 * index - 2]!;
    else {
      const entry = this.#entry(index);
      name = entry === -1 ? null : this.#names[entry]!;
    }
    if (name === null) return false;
    const value = this.#string(bytes, end);
    if (value === null) return false;
    if (indexing) this.#insert(name, value);
    add(block, name, value, limit);
    return true;
  }

  /** RFC 7541 section 4.2: only at the beginning of a block, and not above the announced size. */
  #resize(bytes: Buffer, end: number, block: FieldBlock): boolean {
    if (block.size > 0 || block.tooLong) return this.#fail('a table size update after a field');
    const size = this.#integer(bytes, end, 5);
    if (size === -1) return false;
    if (size > this.#maxTable) return this.#fail('a table larger than announced');
    this.#allowed = size;
    this.#evict(size);
    return true;
  }

  #insert(name: string, value: string): void {
    const size = name.length + value.length + entryOverhead;
    // RFC 7541 section 4.4: an entry larger than the whole table empties it.
    this.#evict(Math.max(0, this.#allowed - size));
    if (size > this.#allowed) return;
    this.#names[this.#next] = name;
    this.#values[this.#next] = value;
    this.#next = (this.#next + 1) % this.#names.length;
    this.#count++;
    this.#size += size;
  }

  #evict(size: number): void {
    const most = this.#names.length;
    while (this.#size > size) {
      const oldest = (this.#next - this.#count + most) % most;
      this.#size -= this.#names[oldest]!.length + this.#values[oldest]!.length + entryOverhead;
      this.#names[oldest] = '';
      this.#values[oldest] = '';
      this.#count--;
    }
  }

  /** @returns the place of a dynamic entry; -1 if the index has none */
  #entry(index: number): number {
    const back = index - staticSize;
    if (index === 0 || back > this.#count) {
      this.fault = 'an index without an entry';
      return -1;
    }
    const most = this.#names.length;
    return (this.#next - back + most) % most;
  }

  /** RFC 7541 section 5.1. @returns -1 if the number does not end, or is larger than any valid one */
  #integer(bytes: Buffer, end: number, prefix: number): number {
    const most = (1 << prefix) - 1;
    let value = bytes[this.#at++]! & most;
    if (value < most) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      if (this.#at >= end) {
        this.fault = 'a number that does not end';
        return -1;
      }
      const byte = bytes[this.#at++]!;
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    this.fault = 'a number that is too large';
    return -1;
  }

  /** RFC 7541 section 5.2. @returns null if it is malformed */
  #string(bytes: Buffer, end: number): string | null {
    if (this.#at >= end) return this.#noString('a field that does not end');
    const huffman = bytes[this.#at]! >= 0x80;
    const length = this.#integer(bytes, end, 7);
    if (length === -1) return null;
    const start = this.#at;
    if (length > end - start) return this.#noString('a string that does not end');
    this.#at = start + length;
    if (!huffman) return bytes.toString('latin1', start, this.#at);
    const most = Math.ceil((length * 8) / 5);
    const out: Buffer = most <= scratch.length ? scratch : Buffer.allocUnsafe(most);
    const decoded = huffmanDecode(bytes, start, this.#at, out);
    return decoded === -1 ? this.#noString('a malformed Huffman string') : out.toString('latin1', 0, decoded);
  }

  #noString(why: string): null {
    this.fault = why;
    return null;
  }

  #fail(why: string): false {
    this.fault = why;
    return false;
  }
}

function add(block: FieldBlock, name: string, value: string, limit: number): void {
  // Cookie fields are joined into one line with `; `.
  block.size += value.length + (name === 'cookie' ? 2 : name.length + lineOverhead);
  if (block.size > limit) block.tooLong = true;
  else block.fields.push(name, value);
}
