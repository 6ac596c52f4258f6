/** The parts of a message head that each byte may occur in. */
import { isToken } from './token.ts';

/** RFC 9110 section 5.6.2. */
export const inToken = 1;
/** RFC 3986, without `#`. */
export const inTarget = 2;
/** RFC 9110 section 5.5. */
export const inValue = 4;

/** Byte → bits of the above. */
export const octets = new Uint8Array(256);
for (let byte = 0x20; byte < 0x100; byte++) if (byte !== 0x7f) octets[byte] = inValue;
octets[0x09] = inValue;
for (let byte = 0x21; byte < 0x7f; byte++) if (byte !== 0x23) octets[byte]! |= inTarget;
for (let byte = 0x21; byte < 0x7f; byte++) if (isToken(String.fromCharCode(byte))) octets[byte]! |= inToken;
