/** An IPv6 address as it stands before a port or in a URL (RFC 3986 section 3.2.2); anything else as it is. */
export const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** `127.0.0.1:8080`, `[::1]:8080`. */
export const hostPort = (host: string, port: number): string => `${bracketed(host)}:${port}`;
