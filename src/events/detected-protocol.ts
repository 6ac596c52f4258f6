/** Detects the protocol of a connection from its first bytes, for events. */
import { helloName } from '../wire/client-hello.ts';
import { classifyFirstBytes, type FirstBytes } from '../wire/first-bytes.ts';
import { foreignProtocol } from '../wire/foreign-protocols.ts';
import type { ConnectionFacts } from './connection.ts';

const names: Partial<Record<FirstBytes, string>> = {
  'http-1': 'http/1.1',
  'http-0.9': 'http/0.9',
  'h2-preface': 'h2',
  socks4: 'socks4',
  socks5: 'socks5',
  tls: 'tls',
  smtp: 'smtp',
};

/** The protocol, or null if unknown; and the server name of a TLS ClientHello on a port without TLS. */
export function detectProtocol(bytes: Uint8Array): Pick<ConnectionFacts, 'protocol' | 'sni'> {
  const first = classifyFirstBytes(bytes);
  // `OPTIONS sip:nm SIP/2.0` and `USER anonymous` begin as a request of HTTP does.
  const looksLikeHttp = first === 'http-1' || first === 'http-0.9';
  const foreign = foreignProtocol(bytes)?.name.toLowerCase();
  const sni = first === 'tls' ? helloName(bytes) : null;
  return {
    protocol: (looksLikeHttp ? (foreign ?? names[first]) : (names[first] ?? foreign)) ?? null,
    ...(sni !== null && { sni }),
  };
}
