/** The PROXY protocol, versions 1 and 2 (HAProxy's proxy-protocol.txt), in which a balancer in front names the client. */
import ipaddr from 'ipaddr.js';
import { isDottedQuad } from '../address/ip.ts';

export interface ProxyHeader {
  /** The client's address; null for connections of the balancer itself (health checks: LOCAL, UNKNOWN). */
  readonly source: string | null;
  /** Bytes the header takes. */
  readonly length: number;
}

/** `more`: the bytes so far are the beginning of a header. `none`: they are not. */
export type ProxyHeaderReading = ProxyHeader | 'more' | 'none';

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** The longest line of version 1, CR LF included. */
const longestLine = 107;
const line = /^PROXY (?:UNKNOWN(?: [^\r\n]*)?|(TCP4|TCP6) (\S+) (\S+) (\d{1,5}) (\d{1,5}))\r\n/;

/** Reads a header from the first bytes of a connection. Total. */
export function readProxyHeader(bytes: Buffer): ProxyHeaderReading {
  const head = bytes.subarray(0, signature.length);
  if (head.equals(signature.subarray(0, head.length)))
    return head.length < signature.length ? 'more' : version2(bytes);
  const text = bytes.toString('latin1', 0, longestLine);
  if (!text.startsWith('PROXY '.slice(0, text.length))) return 'none';
  return version1(text);
}

function version1(text: string): ProxyHeaderReading {
  if (!text.includes('\r\n')) return text.length < longestLine ? 'more' : 'none';
  const match = line.exec(text);
  if (match === null) return 'none';
  const [{ length }, family, source] = match;
  if (family === undefined) return { source: null, length };
  const valid = family === 'TCP4' ? isDottedQuad(source!) : ipaddr.IPv6.isValid(source!);
  return valid ? { source: source!, length } : 'none';
}

function version2(bytes: Buffer): ProxyHeaderReading {
  if (bytes.length < 16) return 'more';
  const command = bytes[12]!;
  // The high half is the version, the low half LOCAL (0) or PROXY (1).
  if (command !== 0x20 && command !== 0x21) return 'none';
  const length = 16 + bytes.readUInt16BE(14);
  if (bytes.length < length) return 'more';
  if (command === 0x20) return { source: null, length };
  switch (bytes[13]! >> 4) {
    case 1:
      return length < 28 ? 'none' : { source: bytes.subarray(16, 20).join('.'), length };
    case 2:
      return length < 52
        ? 'none'
        : { source: new ipaddr.IPv6([...bytes.subarray(16, 32)]).toRFC5952String(), length };
    default:
      return { source: null, length };
  }
}
