/** `trustedProxies: 'inherit'`: the proxies that Fastify's `trustProxy` names. */
import type { Addresses } from '../guard/client.ts';
import type { Fault } from './fault.ts';

/** Named ranges of `trustProxy`, as `proxy-addr` defines them. */
const ranges: Readonly<Record<string, readonly string[]>> = {
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  loopback: ['127.0.0.0/8', '::1'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

/**
 * @param trustProxy the option of Fastify; undefined if it is not set
 * @param faults gets a fault if the option names no proxy: then any client could pass for any other
 * @returns prefixes, or a function that is asked about each address
 */
export function inheritedProxies(trustProxy: unknown, faults: Fault[]): readonly string[] | Addresses {
  const noProxy = (what: string): readonly string[] => {
    const fix = "list your proxies, such as trustedProxies: ['10.0.0.0/8']";
    faults.push({ path: 'trustedProxies', value: 'inherit', message: `finds ${what}`, fix, line: null });
    return [];
  };
  if (typeof trustProxy === 'string') return namedIn(trustProxy.split(','));
  if (Array.isArray(trustProxy)) return namedIn(trustProxy.map(String));
  if (typeof trustProxy === 'function') {
    // The second argument is the number of hops.
    return trustProxy.length > 1
      ? noProxy('a trustProxy function that counts hops')
      : { contains: (address) => believes(trustProxy as Trust, address) };
  }
  if (trustProxy === true) return noProxy('trustProxy: true, which trusts everyone');
  if (typeof trustProxy === 'number')
    return noProxy(`trustProxy: ${trustProxy}, which counts hops and names no proxy`);
  return noProxy('no trustProxy that it could take over');
}

type Trust = (address: string, hop: number) => unknown;

/** If the function throws, the peer is not trusted. */
function believes(trust: Trust, address: string): boolean {
  try {
    return trust(address, 0) === true;
  } catch {
    return false;
  }
}

const namedIn = (words: readonly string[]): string[] =>
  words.map((word) => word.trim()).flatMap((word) => ranges[word] ?? [word]);
