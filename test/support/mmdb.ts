/** Writes small MMDB files (MaxMind DB file format 2.0): prefixes and their records. */

export type MmdbValue = string | number | { readonly [key: string]: MmdbValue };

export interface MmdbOptions {
  /** `GeoLite2-Country`. */
  readonly type: string;
  /** Prefix → record; prefixes must not overlap. */
  readonly records: Readonly<Record<string, MmdbValue>>;
  /** @default 6, in which IPv4 lies below ::/96 */
  readonly ipVersion?: 4 | 6;
}

type Node = [left: Node | number | null, right: Node | number | null];

export function mmdb({ type, records, ipVersion = 6 }: MmdbOptions): Buffer {
  const root: Node = [null, null];
  const data: Buffer[] = [];
  let length = 0;
  for (const [prefix, record] of Object.entries(records)) {
    insert(root, bitsOf(prefix, ipVersion), length);
    const bytes = encode(record);
    data.push(bytes);
    length += bytes.length;
  }
  const nodes: Node[] = [];
  const number = (node: Node): void => {
    nodes.push(node);
    for (const child of node) if (Array.isArray(child)) number(child);
  };
  number(root);
  const tree = Buffer.alloc(nodes.length * 6);
  for (const [index, node] of nodes.entries())
    for (const [side, child] of node.entries()) {
      const value =
        child === null
          ? nodes.length
          : Array.isArray(child)
            ? nodes.indexOf(child)
            : nodes.length + 16 + child;
      tree.writeUIntBE(value, index * 6 + side * 3, 3);
    }
  const metadata = encode({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1_700_000_000,
    database_type: type,
    description: { en: 'made for a test' },
    ip_version: ipVersion,
    node_count: nodes.length,
    record_size: 24,
  });
  return Buffer.concat([
    tree,
    Buffer.alloc(16),
    ...data,
    Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1'),
    metadata,
  ]);
}

function insert(root: Node, bits: readonly number[], offset: number): void {
  let node = root;
  for (const bit of bits.slice(0, -1)) {
    const next = node[bit];
    if (Array.isArray(next)) node = next;
    else {
      const made: Node = [null, null];
      node[bit] = made;
      node = made;
    }
  }
  node[bits.at(-1)!] = offset;
}

function bitsOf(prefix: string, ipVersion: 4 | 6): number[] {
  const [address = '', length = ''] = prefix.split('/');
  const v4 = !address.includes(':');
  const octets = v4 ? address.split('.').map(Number) : octetsOf6(address);
  const bits = octets.flatMap((octet) => [7, 6, 5, 4, 3, 2, 1, 0].map((at) => (octet >> at) & 1));
  const within = bits.slice(0, Number(length));
  return v4 && ipVersion === 6 ? [...Array<number>(96).fill(0), ...within] : within;
}

function octetsOf6(address: string): number[] {
  const [head = '', tail = ''] = address.split('::').map((part) => part);
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((one) => parseInt(one, 16));
  const [before, after] = [groups(head), groups(tail)];
  const all = [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
  return all.flatMap((group) => [group >> 8, group & 255]);
}

/** A control octet: type in the upper three bits, size in the lower five; larger sizes follow it. */
function encode(value: MmdbValue): Buffer {
  if (typeof value === 'string') {
    const bytes = Buffer.from(value);
    return Buffer.concat([control(2, bytes.length), bytes]);
  }
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return Buffer.concat([control(6, 4), bytes]);
  }
  const entries = Object.entries(value);
  return Buffer.concat([
    control(7, entries.length),
    ...entries.flatMap(([key, one]) => [encode(key), encode(one)]),
  ]);
}

const control = (type: number, size: number): Buffer =>
  size < 29 ? Buffer.of((type << 5) | size) : Buffer.of((type << 5) | 29, size - 29);
