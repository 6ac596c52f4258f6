/** What a client sends in one go, and how much of it may pass. `siteNN` stands for one of the sites, which are called alike. */
export interface SmugglingRow {
  /** A noun phrase in kebab-case, unique. */
  readonly id: string;
  /** Where it comes from, or the clause that forbids it. */
  readonly reference: string;
  /** One character a byte. */
  readonly bytes: string;
  /** The request lines that reach the backend, without their version, in order. */
  readonly reaches: readonly string[];
  /** Behind those, something is refused: one answer of 4xx, or none, and the end of the connection. */
  readonly refused: boolean;
  /** As safe: only the first of them reach the backend, and what follows is refused. */
  readonly orLess?: true;
  /** As safe: read kindly, this is one more request, and is sent on as a well-formed one. */
  readonly orAlso?: string;
  /** It may also be waited for: more is announced than comes, and what came is with the backend, within its frame. */
  readonly unfinished?: true;
}

/** The request that the attacker would like to get past the gateway. */
export const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: siteNN.example.net\r\n\r\n';

export const head = (...lines: string[]): string => `${lines.join('\r\n')}\r\n\r\n`;

/** A POST with these header lines and this body, behind which the smuggled request stands. */
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

/** Legal, however odd: these requests reach the backend, and nothing else. */
export const passes = (
  id: string,
  reference: string,
  bytes: string,
  reaches: readonly string[],
): SmugglingRow => ({ id, reference, bytes, reaches, refused: false });

/** The first of these are served; what comes behind them is refused. */
export const partly = (
  id: string,
  reference: string,
  bytes: string,
  reaches: readonly string[],
): SmugglingRow => ({ id, reference, bytes, reaches, refused: true });
