/**
 * HTTP/1 readers that are more lenient than RFC 9112 allows, each in one way that real servers have been. The bytes that a gateway
 * sends must mean the same to all of them: if two readings differ, a request can be smuggled.
 */

export interface SeenRequest {
  /** The request line as this reader sees it. */
  readonly line: string;
  readonly body: string;
  /** Offset of the first byte after it. */
  readonly end: number;
  /** No request is read after it. */
  readonly last: boolean;
}

interface Leniency {
  /** The end of a line. */
  readonly lineEnd: RegExp;
  /** Normalises a header name. */
  readonly name: (raw: string) => string;
  /** Normalises a header value. */
  readonly value: (raw: string) => string;
  /** A line that begins with white space is a header of its own instead of a continuation. */
  readonly foldIsHeader: boolean;
  readonly isChunked: (value: string) => boolean;
  /** Which of several Content-Length lines is used. */
  readonly whichLength: 'first' | 'last';
  /** Null: the line is ignored. */
  readonly length: (value: string) => number | null;
  /** If the message has both. */
  readonly wins: 'transfer-encoding' | 'content-length';
  /** Null: the body ends here. */
  readonly chunkSize: (line: string) => number | null;
  /** The end of a chunk size line. */
  readonly chunkLineEnd: RegExp;
  /** Methods without a body: the bytes after the head are the next request. */
  readonly bodiless: RegExp;
  /** A request line without a version is a whole request. */
  readonly simple: boolean;
}

const digits = (value: string): number | null => (/^\d+$/.test(value) ? Number(value) : null);
/** As strtol() and parseInt() read: the digits at the start. */
const leading = (value: string): number | null => {
  const number = Number.parseInt(value, 10);
  return Number.isNaN(number) ? null : Math.abs(number);
};
const hexadecimal = (line: string): number | null => {
  const match = /^([0-9a-f]+)[ \t]*(?:;.*)?$/is.exec(line);
  return match === null ? null : Number.parseInt(match[1]!, 16);
};

const strict: Leniency = {
  lineEnd: /\r\n/,
  name: (raw) => raw.toLowerCase(),
  value: (raw) => raw.trim(),
  foldIsHeader: false,
  isChunked: (value) => /(?:^|,[ \t]*)chunked$/i.test(value),
  whichLength: 'first',
  length: digits,
  wins: 'transfer-encoding',
  chunkSize: hexadecimal,
  chunkLineEnd: /\r\n/,
  bodiless: /^(?!)/,
  simple: false,
};

const kinds: Readonly<Record<string, Partial<Leniency>>> = {
  strict: {},
  'any Transfer-Encoding with chunked in it': {
    name: (raw) => raw.toLowerCase().replace(/[\0-\x20]/g, ''),
    value: (raw) => raw.replace(/^[\0-\x20]+|[\0-\x20]+$/g, ''),
    isChunked: (value) => /chunked/i.test(value),
  },
  'only the exact spelling chunked': { isChunked: (value) => value === 'chunked', length: leading },
  'Content-Length before Transfer-Encoding': { wins: 'content-length', length: leading },
  'the leading digits of the last Content-Length': { whichLength: 'last', length: leading },
  'Content-Length in any base': {
    length: (value) =>
      /^0\d/.test(value)
        ? Number.parseInt(value, 8)
        : Number.isFinite(Number(value))
          ? Math.abs(Number(value))
          : leading(value),
  },
  'Content-Length of 32 bits': {
    length: (value) => (digits(value) === null ? null : Number(BigInt(value) & 0xffffffffn)),
    chunkSize: (line) => {
      const match = /^[0-9a-f]+/i.exec(line);
      return match === null ? null : Number(BigInt(`0x${match[0]}`) & 0xffffffffn);
    },
  },
  'a bare LF ends a line': { lineEnd: /\r?\n/, chunkLineEnd: /\r?\n/ },
  'a bare CR ends a line': { lineEnd: /\r\n|\r|\n/, chunkLineEnd: /\r\n|\r|\n/ },
  'a chunk extension may hold a line end': {
    chunkLineEnd: /\n/,
    chunkSize: (line) => hexadecimal(line.trim()),
  },
  'the leading digits of a chunk size': {
    chunkSize: (line) => {
      const size = Number.parseInt(line.trim().replace(/^[+-]/, ''), 16);
      return Number.isNaN(size) ? null : size;
    },
  },
  'a folded line is a header': { foldIsHeader: true, name: (raw) => raw.trim().toLowerCase() },
  'a NUL ends a text': {
    name: (raw) => raw.split('\0')[0]!.toLowerCase(),
    value: (raw) => raw.split('\0')[0]!.trim(),
  },
  // CGI and WSGI pass headers as variables, which do not distinguish `-` and `_`.
  'an underscore is a hyphen': { name: (raw) => raw.toLowerCase().replaceAll('_', '-') },
  'no body on GET, HEAD, DELETE and OPTIONS': { bodiless: /^(?:GET|HEAD|DELETE|OPTIONS)$/ },
  'HTTP/0.9': { simple: true },
};

export const readerNames: readonly string[] = Object.keys(kinds);

/** Reads all whole requests from an offset on, as this reader understands them. Total. */
export function readAll(name: string, text: string, from = 0): SeenRequest[] {
  const kind = { ...strict, ...kinds[name] };
  const seen: SeenRequest[] = [];
  for (let at = from; ; ) {
    const request = readOne(kind, text, at);
    if (request === null) return seen;
    seen.push(request);
    if (request.last) return seen;
    at = request.end;
  }
}

function readOne(kind: Leniency, text: string, from: number): SeenRequest | null {
  const start = from + /^(?:\r?\n)*/.exec(text.slice(from))![0].length;
  const [first, afterLine] = takeLine(text, start, kind.lineEnd);
  if (first === null) return null;
  if (kind.simple && /^[A-Z]+ \S+$/.test(first)) return { line: first, body: '', end: afterLine, last: true };
  const headers: [string, string][] = [];
  let at = afterLine;
  for (;;) {
    const [line, next] = takeLine(text, at, kind.lineEnd);
    if (line === null) return null;
    at = next;
    if (line === '') break;
    const previous = headers.at(-1);
    if (/^[ \t]/.test(line) && !kind.foldIsHeader && previous !== undefined) {
      previous[1] = kind.value(`${previous[1]} ${line}`);
      continue;
    }
    const colon = line.indexOf(':');
    if (colon !== -1) headers.push([kind.name(line.slice(0, colon)), kind.value(line.slice(colon + 1))]);
  }
  const valuesOf = (name: string): string[] => headers.filter(([one]) => one === name).map(([, one]) => one);
  const last = valuesOf('connection').some((value) => /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i.test(value));
  if (kind.bodiless.test(first.split(' ')[0]!)) return { line: first, body: '', end: at, last };
  const chunked = valuesOf('transfer-encoding').some(kind.isChunked);
  const lengths = valuesOf('content-length');
  const length = kind.length((kind.whichLength === 'first' ? lengths[0] : lengths.at(-1)) ?? '');
  if (chunked && (kind.wins === 'transfer-encoding' || length === null)) {
    const body = readChunks(kind, text, at);
    return body === null ? null : { line: first, ...body, last };
  }
  const end = at + (length ?? 0);
  return end > text.length ? null : { line: first, body: text.slice(at, end), end, last };
}

function readChunks(kind: Leniency, text: string, from: number): { body: string; end: number } | null {
  let body = '';
  for (let at = from; ; ) {
    const [line, next] = takeLine(text, at, kind.chunkLineEnd);
    if (line === null) return null;
    const size = kind.chunkSize(line);
    if (size === null) return { body, end: at };
    if (size > 0) {
      if (next + size > text.length) return null;
      body += text.slice(next, next + size);
      const [, after] = takeLine(text, next + size, /\r?\n/);
      at = after;
      continue;
    }
    for (at = next; ; ) {
      const [trailer, after] = takeLine(text, at, kind.lineEnd);
      if (trailer === null) return null;
      at = after;
      if (trailer === '') return { body, end: at };
    }
  }
}

function takeLine(text: string, from: number, end: RegExp): [string | null, number] {
  const match = end.exec(text.slice(from));
  if (match === null) return [null, text.length];
  return [text.slice(from, from + match.index), from + match.index + match[0].length];
}
