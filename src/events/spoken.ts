/** What the first bytes of a connection speak, as events name it. */
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

/** The protocol, null where nobody knows it; and the name in a TLS hello that came to a port without TLS. */
export function spokenIn(bytes: Uint8Array): Pick<ConnectionFacts, 'protocol' | 'sni'> {
  const first = classifyFirstBytes(bytes);
  const sni = first === 'tls' ? helloName(bytes) : null;
  return {
    protocol: names[first] ?? foreignProtocol(bytes)?.name.toLowerCase() ?? null,
    ...(sni !== null && { sni }),
  };
}
