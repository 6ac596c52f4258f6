/** `HOST`, `HOST:PORT` or `[IPv6]:PORT` → addresses, once: what is audited must not change under the audit. */
import { lookup } from 'node:dns/promises';
import { parseIp } from '../address/ip.ts';
import { specialRange } from '../address/special-ranges.ts';
import { isMalformed, parseAuthority } from '../wire/authority.ts';

export interface Target {
  /** As given, without port and brackets. */
  readonly name: string;
  /** Null: the default list. */
  readonly port: number | null;
}

/** Web, proxy, SOCKS and mail: where relays are looked for. */
export const defaultPorts: readonly number[] = [80, 443, 8080, 3128, 8090, 1080, 25, 587, 465];

/** Bad input of the person who called; the message says what, where and the mend. */
export class AuditInputError extends Error {
  override readonly name = 'AuditInputError';
}

/** @throws AuditInputError */
export function parseTarget(text: string): Target {
  if (parseIp(text)?.family === 6) return { name: parseIp(text)!.text, port: null };
  const authority = parseAuthority(text);
  if (isMalformed(authority)) {
    throw new AuditInputError(
      `TARGET ${JSON.stringify(text)}: ${authority.malformed} at character ${authority.at + 1}; give HOST, HOST:PORT or [IPv6]:PORT`,
    );
  }
  if (authority.userinfo !== null) {
    throw new AuditInputError(`TARGET ${JSON.stringify(text)} has userinfo; give HOST or HOST:PORT alone`);
  }
  return { name: unbracketed(authority.host), port: authority.port };
}

/** @param lists each a port, or several with commas. @throws AuditInputError */
export function parsePorts(lists: readonly string[]): number[] {
  const ports = lists.flatMap((list) => list.split(','));
  for (const port of ports) {
    if (!/^[1-9]\d{0,4}$/.test(port) || Number(port) > 65_535) {
      throw new AuditInputError(`--port ${JSON.stringify(port)} is no port: give numbers from 1 to 65535`);
    }
  }
  return [...new Set(ports.map(Number))];
}

/** @throws AuditInputError */
export async function addressesOf(name: string): Promise<readonly string[]> {
  const ip = parseIp(name);
  if (ip !== null) return [ip.text];
  try {
    const found = await lookup(name, { all: true, order: 'ipv4first' });
    return [...new Set(found.map(({ address }) => address))];
  } catch (cause) {
    throw new AuditInputError(`${name} has no address (${(cause as NodeJS.ErrnoException).code})`, { cause });
  }
}

/** Loopback and private addresses are the auditor's own house; everything else must prove that it is. */
export function isNear(address: string): boolean {
  const range = specialRange(address);
  return range === 'loopback' || range === 'private';
}

export const unbracketed = (host: string): string => host.replace(/^\[(.*)\]$/, '$1');
