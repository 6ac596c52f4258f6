/**
 * The Huffman code of HPACK, RFC 7541 appendix B. The code is canonical: symbols of one length have consecutive codes, in
 * order, so the lengths define it.
 */

/** Code length in bits of each byte, and last of the end-of-string symbol. */
// biome-ignore format: sixteen bytes per line
const codeLengths: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
];
const endOfString = 256;

/** The code of each symbol, right-aligned. */
const codes = canonicalCodes();

/**
 * State machine: inner node of the code tree and four bits → entry. No code is shorter than five bits, so a step completes at most
 * one byte. In an entry: the next node in bits 0 to 7, the completed byte in bits 8 to 15, and the marks below.
 */
const steps = new Int32Array(256 * 16);
/** A byte is complete. */
const emits = 0x10000;
/** RFC 7541 section 5.2: the end-of-string symbol in a string is a decoding error. */
const fails = 0x20000;
/** Nodes at which a string may end: at most seven bits after its last symbol, all of them ones. */
const mayEnd = new Uint8Array(256);
buildSteps();

/**
 * Decodes a string. No code is shorter than five bits, so `out` needs 8/5 of the encoded bytes.
 *
 * @returns the number of decoded bytes; -1 if the string is malformed
 */
export function huffmanDecode(bytes: Uint8Array, start: number, end: number, out: Uint8Array): number {
  let node = 0;
  let length = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    let step = steps[(node << 4) | (byte >> 4)]!;
    if (step >= emits) {
      if (step >= fails) return -1;
      out[length++] = step >> 8;
    }
    step = steps[((step & 0xff) << 4) | (byte & 15)]!;
    if (step >= emits) {
      if (step >= fails) return -1;
      out[length++] = step >> 8;
    }
    node = step & 0xff;
  }
  return mayEnd[node] === 1 ? length : -1;
}

/** Encodes a text (latin1). */
export function huffmanEncode(text: string): Uint8Array {
  const bytes: number[] = [];
  let bits = 0;
  let held = 0;
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i) & 0xff;
    let left = codeLengths[symbol]!;
    const code = codes[symbol]!;
    while (left > 0) {
      const taken = Math.min(left, 8 - held);
      left -= taken;
      bits = (bits << taken) | ((code >>> left) & ((1 << taken) - 1));
      held += taken;
      if (held < 8) continue;
      bytes.push(bits);
      bits = 0;
      held = 0;
    }
  }
  if (held > 0) bytes.push((bits << (8 - held)) | (0xff >> held));
  return Uint8Array.from(bytes);
}

function canonicalCodes(): Uint32Array {
  const inOrder = codeLengths.map((length, symbol) => ({ length, symbol }));
  inOrder.sort((a, b) => a.length - b.length || a.symbol - b.symbol);
  const all = new Uint32Array(codeLengths.length);
  let code = 0;
  let before = 0;
  for (const { length, symbol } of inOrder) {
    code = (code << (length - before)) >>> 0;
    before = length;
    all[symbol] = code++;
  }
  return all;
}

function buildSteps(): void {
  // A node is a pair of children: another node, or -1 - symbol.
  const nodes: [number | null, number | null][] = [[null, null]];
  for (let symbol = 0; symbol < codeLengths.length; symbol++) {
    let node = 0;
    for (let bit = codeLengths[symbol]! - 1; bit >= 0; bit--) {
      const side = (codes[symbol]! >>> bit) & 1;
      if (bit === 0) nodes[node]![side] = -1 - symbol;
      else {
        const next = nodes[node]![side];
        if (next === null) nodes[node]![side] = nodes.push([null, null]) - 1;
        node = nodes[node]![side]!;
      }
    }
  }
  for (let node = 0; node < nodes.length; node++) {
    for (let four = 0; four < 16; four++) steps[(node << 4) | four] = stepFrom(nodes, node, four);
  }
  let padding = 0;
  for (let ones = 0; ones < 8; ones++) {
    mayEnd[padding] = 1;
    padding = nodes[padding]![1]!;
  }
}

function stepFrom(
  nodes: readonly (readonly [number | null, number | null])[],
  from: number,
  four: number,
): number {
  let node = from;
  let ended = 0;
  for (let bit = 3; bit >= 0; bit--) {
    const next = nodes[node]![(four >> bit) & 1]!;
    if (next >= 0) {
      node = next;
      continue;
    }
    const symbol = -1 - next;
    if (symbol === endOfString) return fails;
    ended = emits | (symbol << 8);
    node = 0;
  }
  return ended | node;
}
