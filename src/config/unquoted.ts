/** Values without quotes that YAML reads as something else, such as `*.example.net` and `[::]:8080`. */
import { isIPv6 } from 'node:net';
import { type Document, Lexer, visit, type YAMLError } from 'yaml';

export interface Unquoted {
  /** Where in the text the value begins. */
  readonly offset: number;
  readonly message: string;
  readonly fix: string;
}

/** Further faults of this kind are not reported. */
const mostReported = 20;

/** In the order of the text. The messages show no value that may be a secret. */
export function unquotedValues(text: string, document: Document): Unquoted[] {
  const found = [
    ...aliases(document),
    ...brackets(text),
    ...tags(document),
    ...starts(text, document.errors),
  ];
  return found.sort((a, b) => a.offset - b.offset).slice(0, mostReported);
}

/** `*.example.net`: an alias without an anchor. */
function* aliases(document: Document): Generator<Unquoted> {
  const anchors = new Set<string>();
  const found: { source: string; offset: number }[] = [];
  visit(document, {
    Alias: (_, { source, range }) => {
      if (!anchors.has(source)) found.push({ source, offset: range?.[0] ?? 0 });
    },
    Node: (_, node) => {
      if ('anchor' in node && node.anchor !== undefined) anchors.add(node.anchor);
    },
  });
  for (const { source, offset } of found) {
    // A text that is not a host may be a password. An empty one is an error of its own (`BAD_ALIAS`).
    const host = /^(?=[.:])(?:\.[\w.-]{1,255})?(?::(?:\d+|\*))?$/.test(source);
    if (source !== '')
      yield {
        offset,
        message: `holds ${host ? `*${source}` : 'a value that begins with *'} without quotes, and * begins an alias in YAML`,
        fix: host ? `write "*${source}"` : 'put the value in quotes',
      };
  }
}

/** `[::]:8080`, or `http://[::1]` within braces. `[::1]` alone is a list of one address, which may be intended. */
function* brackets(text: string): Generator<Unquoted> {
  let offset = 0;
  for (const lexeme of new Lexer().lex(text)) {
    if (lexeme === '[') {
      const rest = text.slice(offset, offset + 60);
      const [, address = '', port = ''] = /^\[([0-9A-Fa-f:.]+)\](:(?:\d{1,5}|\*)(?!\d))?/.exec(rest) ?? [];
      const within = /[^\s,[{(:"']$|:\/\/$/.test(text.slice(Math.max(0, offset - 3), offset));
      if (isIPv6(address) && (port !== '' || within))
        yield {
          offset,
          message: `holds [${address}]${port} without quotes, and [ begins a list in YAML`,
          fix: within ? 'put the whole value in quotes' : `write "[${address}]${port}"`,
        };
    }
    // These three are the lexer's own marks, which are not in the text.
    if (lexeme !== '\x02' && lexeme !== '\x1f' && lexeme !== '\x18') offset += lexeme.length;
  }
}

/** `!secret`: an unknown tag. */
function* tags(document: Document): Generator<Unquoted> {
  for (const { code, pos } of document.warnings)
    if (code === 'TAG_RESOLVE_FAILED')
      yield {
        offset: pos[0],
        message: 'holds a value that begins with ! without quotes, and ! begins a tag in YAML',
        fix: 'put the value in quotes',
      };
}

/** Characters that YAML reserves, and `a: b` as a value. */
function* starts(text: string, errors: readonly YAMLError[]): Generator<Unquoted> {
  for (const { code, pos } of errors) {
    const offset = pos[0];
    if (code === 'BAD_SCALAR_START')
      yield {
        offset,
        message: `holds a value that begins with ${text[offset]} without quotes, which YAML reserves`,
        fix: 'put the value in quotes',
      };
    if (code === 'BAD_ALIAS')
      yield {
        offset,
        message: 'holds * without quotes, and * begins an alias in YAML',
        fix: 'put the value in quotes',
      };
    if (code === 'BLOCK_AS_IMPLICIT_KEY' || code === 'BLOCK_IN_FLOW')
      yield {
        offset,
        message: 'holds a map where a value is: a value with a colon and a space in it needs quotes',
        fix: 'put the value in quotes, or begin the map on the next line, indented',
      };
  }
}
