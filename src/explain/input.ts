/** What was pasted: a raw request, or the request of a line in a log. */

export interface Input {
  /** The request as it would have been on the wire. */
  readonly bytes: Buffer;
  /** What was assumed to read it so; null where nothing had to be. */
  readonly note: string | null;
}

/** @param given what came on stdin, as a raw request */
export function readInput(given: Buffer): Input {
  const text = given.toString('latin1');
  // A pasted request has the line ends of a text file; that is how it was pasted, not what was sent.
  if (!text.includes('\r') && /^(?:[A-Za-z-]+ |:[a-z]+: ?)\S/.test(text)) {
    const lines = text.replace(/\n$/, '').replaceAll('\n', '\r\n');
    const ended = lines.includes('\r\n\r\n') ? lines : `${lines.replace(/(?:\r\n)+$/, '')}\r\n\r\n`;
    return { bytes: Buffer.from(ended, 'latin1'), note: 'line ends were read as CR LF' };
  }
  return { bytes: given, note: null };
}

/**
 * A log keeps the request line only: the rest is assumed to be ordinary, so that the line alone is judged.
 *
 * @param request as sent, log escapes undone
 * @param host the Host to assume where the request line names none
 */
export function fromLogLine(request: string, host: string): Input {
  const line = /^([A-Za-z-]+) (\S.*?)(?: +(HTTP\/\d\S*))? *$/s.exec(request);
  if (line === null)
    return { bytes: Buffer.from(request, 'latin1'), note: 'read as the first bytes of a log line' };
  const [, method, target, version] = line;
  const authority = /^[a-z]+:\/\/([^/?#\s]+)/i.exec(target!)?.[1]?.replace(/^.*@/, '') ?? host;
  // HTTP/2 has no request line: its log line is judged as the same request of HTTP/1.1.
  const spoken = version === 'HTTP/1.0' ? version : 'HTTP/1.1';
  return {
    bytes: Buffer.from(`${method} ${target} ${spoken}\r\nHost: ${authority}\r\n\r\n`, 'latin1'),
    note: `a log line tells no headers: Host ${authority} was assumed`,
  };
}

/** Whether a text looks like a line of some log: a time, and nothing of a request before it. */
export const looksLogged = (text: string): boolean =>
  /^(?![A-Z]+ \S)[\x20-\x7e\t]{0,200}?(?:\d{4}-\d\d-\d\d|\d\d\/\w{3}\/\d{4}|\d\d:\d\d:\d\d|\b1[5-9]\d{8}\b)/.test(
    text,
  );
