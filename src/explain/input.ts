/** Reads pasted input: a raw request, or the request in a log line. */

export interface Input {
  /** The request as on the wire. */
  readonly bytes: Buffer;
  /** The assumption made to read it; null if none. */
  readonly note: string | null;
}

/** @param given a raw request from stdin */
export function readInput(given: Buffer): Input {
  const text = given.toString('latin1');
  // Pasting turns CR LF into LF, so LF alone is not taken for what was sent.
  if (!text.includes('\r') && /^(?:[A-Za-z-]+ |:[a-z]+: ?)\S/.test(text)) {
    const lines = text.replace(/\n$/, '').replaceAll('\n', '\r\n');
    const ended = lines.includes('\r\n\r\n') ? lines : `${lines.replace(/(?:\r\n)+$/, '')}\r\n\r\n`;
    return { bytes: Buffer.from(ended, 'latin1'), note: 'line ends were read as CR LF' };
  }
  return { bytes: given, note: null };
}

/**
 * A log has only the request line: the rest is assumed to be ordinary, so that only the line is judged.
 *
 * @param request as sent, log escapes undone
 * @param host the Host to assume if the request line has none
 */
export function fromLogLine(request: string, host: string): Input {
  const line = /^([A-Za-z-]+) (\S.*?)(?: +(HTTP\/\d\S*))? *$/s.exec(request);
  if (line === null)
    return { bytes: Buffer.from(request, 'latin1'), note: 'read as the first bytes of a log line' };
  const [, method, target, version] = line;
  const authority = /^[a-z]+:\/\/([^/?#\s]+)/i.exec(target!)?.[1]?.replace(/^.*@/, '') ?? host;
  // HTTP/2 has no request line: its log line is judged as the same HTTP/1.1 request.
  const spoken = version === 'HTTP/1.0' ? version : 'HTTP/1.1';
  return {
    bytes: Buffer.from(`${method} ${target} ${spoken}\r\nHost: ${authority}\r\n\r\n`, 'latin1'),
    note: `a log line has no headers: Host ${authority} was assumed`,
  };
}

/** Whether a text looks like a log line: a time near its start, and no request line before it. */
export const looksLogged = (text: string): boolean =>
  /^(?![A-Z]+ \S)[\x20-\x7e\t]{0,200}?(?:\d{4}-\d\d-\d\d|\d\d\/\w{3}\/\d{4}|\d\d:\d\d:\d\d|\b1[5-9]\d{8}\b)/.test(
    text,
  );
