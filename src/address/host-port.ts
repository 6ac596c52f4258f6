/** Brackets an IPv6 address, for a port after it or a URL (RFC 3986 section 3.2.2); any other text is unchanged. */
export const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** `127.0.0.1:8080`, `[::1]:8080`. */
export const hostPort = (host: string, port: number): string => `${bracketed(host)}:${port}`;
