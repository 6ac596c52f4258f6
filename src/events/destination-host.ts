/** `http://mx.example.com:25/a` → `mx.example.com:25`: what destinations are counted by, since a path can be another one each time. */
export const destinationHost = (destination: string): string =>
  destination
    .replace(/^[a-z][a-z0-9+.-]*:\/\//i, '')
    .replace(/[/?#].*$/s, '')
    .replace(/^.*@/s, '')
    .slice(0, 255);
