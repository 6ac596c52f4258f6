/** The host to dial for a listener on this machine: one that listens on every address is reached on the loopback. */
export const dialledHost = (host: string): string =>
  host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
