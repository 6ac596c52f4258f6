/** The bytes of one attack, and which requests in them may reach the backend. `siteNN` stands for the name of a site. */
export interface SmugglingRow {
  /** A noun phrase in kebab-case, unique. */
  readonly id: string;
  /** The source of the attack, or the clause that forbids it. */
  readonly reference: string;
  /** One character a byte. */
  readonly bytes: string;
  /** The request lines that reach the backend, without their version, in order. */
  readonly reaches: readonly string[];
  /** The bytes after those requests are refused, with a 4xx or no answer, and the connection closes. */
  readonly refused: boolean;
  /** Equally safe: only the first of these requests reach the backend, and the rest is refused. */
  readonly orLess?: true;
  /** Equally safe: a lenient reader sees this further request, and it is forwarded well-formed. */
  readonly orAlso?: string;
  /** Announces more bytes than it sends, so the gateway may wait for them; the backend has what has come, within its framing. */
  readonly unfinished?: true;
}

/** The request that the attacker would like to get past the gateway. */
export const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: siteNN.example.net\r\n\r\n';

export const head = (...lines: string[]): string => `${lines.join('\r\n')}\r\n\r\n`;

/** A POST with these header lines and this body, which usually contains the smuggled request. */
export const post = (headers: readonly string[], body: string): string =>
  head('POST /first HTTP/1.1', 'Host: siteNN.example.net', ...headers) + body;

export const get = (...headers: string[]): string =>
  head('GET /first HTTP/1.1', 'Host: siteNN.example.net', ...headers);

/** Nothing of it reaches the backend. */
export const refused = (id: string, reference: string, bytes: string): SmugglingRow => ({
  id,
  reference,
  bytes,
  reaches: [],
  refused: true,
});

/** Odd but legal: these requests reach the backend, and nothing else. */
export const passes = (
  id: string,
  reference: string,
  bytes: string,
  reaches: readonly string[],
): SmugglingRow => ({ id, reference, bytes, reaches, refused: false });

/** These requests are served, and the bytes after them are refused. */
export const partly = (
  id: string,
  reference: string,
  bytes: string,
  reaches: readonly string[],
): SmugglingRow => ({ id, reference, bytes, reaches, refused: true });
