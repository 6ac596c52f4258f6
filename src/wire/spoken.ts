/** What a connection speaks, by its first bytes, as events name it. */
import { classifyFirstBytes, type FirstBytes } from './first-bytes.ts';
import { foreignProtocol } from './foreign-protocols.ts';

const names: Partial<Record<FirstBytes, string>> = {
  'http-1': 'http/1.1',
  'http-0.9': 'http/0.9',
  'h2-preface': 'h2',
  socks4: 'socks4',
  socks5: 'socks5',
  tls: 'tls',
  smtp: 'smtp',
};

/** @returns null where nobody knows it: it is told as the listener would have it */
export const spokenIn = (bytes: Uint8Array): string | null =>
  names[classifyFirstBytes(bytes)] ?? foreignProtocol(bytes)?.name.toLowerCase() ?? null;
