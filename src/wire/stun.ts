/**
 * Whether bytes are STUN or TURN (RFC 8489 section 5). A web page can make a browser send these to any address and port over TCP: to a
 * TURN server of a WebRTC connection, or to a candidate (then with the length before it, RFC 4571).
 */
export function isStun(bytes: Uint8Array): boolean {
  return hasCookie(bytes, 4) || hasCookie(bytes, 6);
}

/** The magic cookie, after a type whose two highest bits are zero. */
const hasCookie = (bytes: Uint8Array, at: number): boolean =>
  bytes[at] === 0x21 &&
  bytes[at + 1] === 0x12 &&
  bytes[at + 2] === 0xa4 &&
  bytes[at + 3] === 0x42 &&
  bytes[at - 4]! < 0x40;
