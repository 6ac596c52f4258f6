/** Longest key in characters: the sender chooses how long a host is. */
const longest = 64;

/**
 * `http://mx.example.com:25/a` → `mx.example.com:25`: the key to count destinations by, since a sender can vary the path in each
 * request. Of a too long host only the end is kept, after `…`: it names the owner.
 */
export function destinationHost(destination: string): string {
  const host = destination
    .replace(/^[a-z][a-z0-9+.-]*:\/\//i, '')
    .replace(/[/?#].*$/s, '')
    .replace(/^.*@/s, '');
  return host.length > longest ? `…${host.slice(1 - longest)}` : host;
}
