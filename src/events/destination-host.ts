/** The longest host that is counted by, in characters: a sender chooses how long it is. */
const longest = 64;

/**
 * `http://mx.example.com:25/a` → `mx.example.com:25`: what destinations are counted by, since a path can be another one each
 * time. Of a longer host the end, which names whose it is, behind `…`.
 */
export function destinationHost(destination: string): string {
  const host = destination
    .replace(/^[a-z][a-z0-9+.-]*:\/\//i, '')
    .replace(/[/?#].*$/s, '')
    .replace(/^.*@/s, '');
  return host.length > longest ? `…${host.slice(1 - longest)}` : host;
}
