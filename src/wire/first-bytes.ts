/** Classifies the protocol of the first bytes of a connection. */
import { tokenChars } from './token.ts';

export type FirstBytes =
  | 'socks4'
  | 'socks5'
  | 'tls'
  | 'smtp'
  | 'proxy-v1'
  | 'proxy-v2'
  | 'h2-preface'
  /** A method and a path without a version: `GET /\r\n`. */
  | 'http-0.9'
  /** A token and a space, as a request line starts. */
  | 'http-1'
  | 'unknown';

const proxyV2Signature = '\r\n\r\n\0\r\nQUIT\n';
const smtpVerb =
  /^(?:HELO|EHLO|LHLO|MAIL FROM:|RCPT TO:|DATA|RSET|NOOP|QUIT|VRFY|EXPN|HELP|STARTTLS|AUTH)(?:[ \t\r\n]|(?<=:))/i;
const simpleRequest = /^[A-Z]+ [^ \r\n]+\r?\n/;
const requestLineStart = new RegExp(`^[${tokenChars}]+[ \\t]`);

/**
 * Classifies the first bytes. Total; reads at most the first 512.
 *
 * @param bytes those received so far; too few to decide give `unknown`
 */
export function classifyFirstBytes(bytes: Uint8Array): FirstBytes {
  const first = bytes[0];
  switch (first) {
    case undefined:
      return 'unknown';
    case 0x04:
      // VN 4, CD 1 (CONNECT) or 2 (BIND).
      return bytes[1] === 1 || bytes[1] === 2 ? 'socks4' : 'unknown';
    case 0x05:
      return isSocks5Greeting(bytes) ? 'socks5' : 'unknown';
    case 0x16:
      // ContentType handshake, legacy version 3.x.
      return bytes[1] === 0x03 ? 'tls' : 'unknown';
    case 0x80:
      // An SSL 2.0 CLIENT-HELLO: two length bytes, message type 1, version 0x0002 or 0x03xx.
      return bytes[2] === 0x01 && (bytes[3] === 0x03 || bytes[3] === 0x00) ? 'tls' : 'unknown';
  }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 512)).toString(
    'latin1',
  );
  if (first === 0x0d && text.startsWith(proxyV2Signature)) return 'proxy-v2';
  if (text.startsWith('PROXY ')) return 'proxy-v1';
  if (text.startsWith('PRI * HTTP/2.0\r\n')) return 'h2-preface';
  if (smtpVerb.test(text)) return 'smtp';
  if (simpleRequest.test(text)) return 'http-0.9';
  return requestLineStart.test(text) ? 'http-1' : 'unknown';
}

/**
 * RFC 1928 section 3: version 5, a count of methods, that many methods. A count of zero is not
 * SOCKS: `05 00 0b` opens a Microsoft RPC bind, which scanners send to any port.
 */
function isSocks5Greeting(bytes: Uint8Array): boolean {
  const methods = bytes[1];
  if (methods === undefined || methods === 0) return false;
  for (let i = 2; i < Math.min(2 + methods, bytes.length); i++) {
    // Assigned (0-9) and private (80-FE); FF is never offered.
    if (bytes[i]! > 9 && bytes[i]! < 0x80) return false;
    if (bytes[i] === 0xff) return false;
  }
  return true;
}

/** Whether bytes that are not HTTP are too few to identify another protocol, so that it makes sense to wait for more. */
export function mayBecomeOther(bytes: Uint8Array): boolean {
  switch (bytes[0]) {
    case 0x04:
      // VN, CD, port, address, and at least the zero that ends the user name.
      return bytes.length < 9;
    case 0x05:
      return bytes.length < 2 || bytes.length < 2 + bytes[1]!;
    case 0x16:
    case 0x80:
      return bytes.length < 4;
    case 0x0d:
      return bytes.length < proxyV2Signature.length && proxyV2Signature.startsWith(latin1(bytes));
    default:
      return false;
  }
}

const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
