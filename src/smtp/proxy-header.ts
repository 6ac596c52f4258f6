/** Writes PROXY protocol headers, which tell the mail server the client's address. */
import { parseIp, unmapped, withoutZone } from '../address/ip.ts';
import { UpstreamLost } from './upstream.ts';

/** Both ends of the client's connection. */
export interface ClientEnds {
  readonly address: string;
  readonly port: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** The connection's id in events. */
  readonly session: string;
}

/** What a client's TLS handshake agreed on. */
export interface TlsFacts {
  /** `TLSv1.3`. */
  readonly version: string;
  /** Cipher suite. */
  readonly cipher: string;
}

interface Addresses {
  readonly family: 4 | 6;
  readonly from: string;
  readonly to: string;
}

/** @throws UpstreamLost if the client has no address: a server takes `PROXY UNKNOWN` for a connection from the guard itself */
function addressesOf({ address, localAddress }: ClientEnds): Addresses {
  const [from, to] = [address, localAddress].map((text) => {
    const ip = parseIp(withoutZone(text));
    return ip === null ? null : unmapped(ip);
  });
  if (from == null || to == null || from.family !== to.family)
    throw new UpstreamLost('the client has no address to tell the mail server');
  return { family: from.family, from: from.text, to: to.text };
}

/**
 * Version 1 (section 2.1): both addresses of one family.
 *
 * @throws UpstreamLost if the client has no address
 */
export function proxyHeader(client: ClientEnds): string {
  const { family, from, to } = addressesOf(client);
  return `PROXY TCP${family} ${from} ${to} ${client.port} ${client.localPort}\r\n`;
}

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** Section 2.2.5: PP2_TYPE_SSL, with PP2_CLIENT_SSL, PP2_SUBTYPE_SSL_VERSION and PP2_SUBTYPE_SSL_CIPHER. */
const ssl = { type: 0x20, client: 0x01, version: 0x21, cipher: 0x23 } as const;

/**
 * Version 2 (section 2.2), with the client's TLS version and cipher.
 *
 * @param tls null: no TLS
 * @throws UpstreamLost if the client has no address
 */
export function proxyHeader2(client: ClientEnds, tls: TlsFacts | null): Buffer {
  const { family, from, to } = addressesOf(client);
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(client.port, 0);
  ports.writeUInt16BE(client.localPort, 2);
  const body = Buffer.concat([
    bytesOf(from),
    bytesOf(to),
    ports,
    tls === null ? Buffer.alloc(0) : sslOf(tls),
  ]);
  const head = Buffer.from([0x21, family === 4 ? 0x11 : 0x21, body.length >> 8, body.length & 0xff]);
  return Buffer.concat([signature, head, body]);
}

/** The field `verify` is 1: no client certificate was verified. */
const sslOf = ({ version, cipher }: TlsFacts): Buffer =>
  tlv(
    ssl.type,
    Buffer.concat([
      Buffer.from([ssl.client, 0, 0, 0, 1]),
      tlv(ssl.version, Buffer.from(version, 'latin1')),
      tlv(ssl.cipher, Buffer.from(cipher, 'latin1')),
    ]),
  );

const tlv = (type: number, value: Buffer): Buffer =>
  Buffer.concat([Buffer.from([type, value.length >> 8, value.length & 0xff]), value]);

function bytesOf(address: string): Buffer {
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number));
  const [left = '', right = ''] = address.split('::');
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((hex) => Number.parseInt(hex, 16));
  const [before, after] = [groups(left), groups(right)];
  const all = address.includes('::')
    ? [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after]
    : before;
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}
