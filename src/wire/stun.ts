/**
 * STUN and TURN (RFC 8489 section 5), which a web page can have a browser speak to any address and port over TCP: as a TURN
 * server of a WebRTC connection, or as a candidate of one (then with its length before it, RFC 4571).
 */
export function isStun(bytes: Uint8Array): boolean {
  return hasCookie(bytes, 4) || hasCookie(bytes, 6);
}

/** The magic cookie; the two highest bits of the type before it are zero. */
const hasCookie = (bytes: Uint8Array, at: number): boolean =>
  bytes[at] === 0x21 &&
  bytes[at + 1] === 0x12 &&
  bytes[at + 2] === 0xa4 &&
  bytes[at + 3] === 0x42 &&
  bytes[at - 4]! < 0x40;
