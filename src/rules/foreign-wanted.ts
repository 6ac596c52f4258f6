/** What the first bytes of another protocol than HTTP ask for. */
import { type ForeignProtocol, foreignProtocol } from '../wire/foreign-protocols.ts';
import { telnetTarget } from '../wire/telnet-proxy.ts';
import { nothingWanted, type Wanted } from './intent.ts';

export interface Foreign {
  readonly protocol: ForeignProtocol;
  readonly wanted: Wanted;
}

/** Null if the bytes are HTTP, or unknown text. Total; reads at most the first 512. */
export function foreignWanted(bytes: Uint8Array): Foreign | null {
  const protocol = foreignProtocol(bytes);
  return protocol === null
    ? null
    : { protocol, wanted: { ...destinationIn(bytes), protocol: protocol.name } };
}

/** The destination given to a telnet proxy, or the URI in a request line of SIP, RTSP or ICAP. */
function destinationIn(bytes: Uint8Array): Wanted {
  const line = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 512))
    .toString('latin1')
    .split(/\r?\n/, 1)[0]!;
  const telnet = telnetTarget(line);
  if (telnet !== null) return { ...telnet, path: '', text: `${telnet.host}:${telnet.port}` };
  const uri = /^[A-Z_]+ ((?:rtsps?|sips?|icap):[^ ]+) /i.exec(line)?.[1];
  return uri === undefined ? nothingWanted : { ...nothingWanted, text: uri };
}
