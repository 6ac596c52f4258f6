/** What was pasted: a raw request, or a line of an access log with a request in it. */

export interface Input {
  /** The request as it would have been on the wire. */
  readonly bytes: Buffer;
  /** What was assumed to read it so; null where nothing had to be. */
  readonly note: string | null;
}

/** Bytes that a log writes as `\x16` (nginx, Apache), with `\"`, `\\`, `\r`, `\n`, `\t`. */
const escapes: { readonly [letter: string]: string } = {
  r: '\r',
  n: '\n',
  t: '\t',
  v: '\v',
  b: '\b',
  f: '\f',
};
const unescaped = (text: string): string =>
  text.replace(/\\(?:x([0-9A-Fa-f]{2})|(.))/g, (_, hex?: string, char = '') =>
    hex === undefined ? (escapes[char] ?? char) : String.fromCharCode(Number.parseInt(hex, 16)),
  );

/** The quoted request of a common or combined log line: behind the time, before the status. */
const logged = /^\S+.*?\[[^\]]+\] "((?:[^"\\]|\\.)*)" (?:\d{3}|-) /;

/**
 * @param given what came on stdin
 * @param host the Host to assume where a log line tells none
 */
export function readInput(given: Buffer, host: string): Input {
  const text = given.toString('latin1');
  const line = logged.exec(text);
  if (line !== null) return fromLogLine(unescaped(line[1]!), host);
  // A pasted request has the line ends of a text file; that is how it was pasted, not what was sent.
  if (!text.includes('\r') && /^[A-Za-z-]+ \S/.test(text)) {
    const lines = text.replace(/\n$/, '').replaceAll('\n', '\r\n');
    const ended = lines.includes('\r\n\r\n') ? lines : `${lines.replace(/(?:\r\n)+$/, '')}\r\n\r\n`;
    return { bytes: Buffer.from(ended, 'latin1'), note: 'line ends were read as CR LF' };
  }
  return { bytes: given, note: null };
}

/** A log keeps the request line only: the rest is assumed to be ordinary, so that the line alone is judged. */
function fromLogLine(request: string, host: string): Input {
  if (!/^[A-Za-z-]+ \S/.test(request))
    return { bytes: Buffer.from(request, 'latin1'), note: 'read as the first bytes of a log line' };
  const authority = /^[A-Za-z-]+ https?:\/\/([^/?#\s]+)/i.exec(request)?.[1] ?? host;
  return {
    bytes: Buffer.from(`${request}\r\nHost: ${authority.replace(/^.*@/, '')}\r\n\r\n`, 'latin1'),
    note: `a log line tells no headers: Host ${authority} was assumed`,
  };
}
