/** The first of three steps, text → document → config: YAML text becomes plain data, with the line of each value. */
import {
  type Document,
  isMap,
  isPair,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  Parser,
  parseDocument,
  visit,
  type YAMLError,
} from 'yaml';
import { type Fault, type PathPart, pathText } from './fault.ts';
import { unquotedValues } from './unquoted.ts';

/** A parsed file: its value as plain data, and where in the text each part stands. */
export interface ConfigText {
  readonly value: unknown;
  readonly faults: readonly Fault[];
  /** The line (from 1) of the key at the path, or of the nearest part above it that is there. */
  line(path: readonly PathPart[]): number | null;
}

const largest = 1024 * 1024;
/** Nested maps and lists; no place of a config is deeper than eight. */
const deepest = 100;

/**
 * Reads YAML 1.2. A duplicate key is a fault, since parsers differ in which of the two counts. After any other
 * syntax error the value is undefined.
 */
export function readConfigText(text: string): ConfigText {
  if (text.length > largest) return broken('is longer than 1 MiB', 'write a shorter config');
  if (isDeeper(text)) {
    return broken(`has more than ${deepest} nested maps and lists`, 'look for a line with many colons');
  }
  const counter = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: counter,
    prettyErrors: false,
    uniqueKeys: true,
    // Without warnings on stderr: a map as a key is reported like any other fault.
    logLevel: 'error',
  });
  const lineAt = (offset: number): number => counter.linePos(offset).line;
  const unquoted = unquotedValues(text, document);
  // Syntax errors on the same line or after it are mostly caused by the missing quotes.
  const first = lineAt(unquoted[0]?.offset ?? Number.POSITIVE_INFINITY);
  const errors = document.errors.filter(
    ({ code, pos }) => unquoted.length === 0 || code === 'DUPLICATE_KEY' || lineAt(pos[0]) < first,
  );
  const paths = pathsOfKeys(document, new Set(errors.map(({ pos }) => pos[0])));
  const faults = [
    ...errors.map((error) => yamlFault(error, paths, lineAt(error.pos[0]))),
    ...unquoted.map(
      ({ offset, message, fix }): Fault => ({ path: '', value: null, message, fix, line: lineAt(offset) }),
    ),
  ];
  const line = (path: readonly PathPart[]): number | null => {
    const offset = offsetOf(document.contents, path);
    return offset === null ? null : lineAt(offset);
  };
  if (unquoted.length > 0 || errors.some(({ code }) => code !== 'DUPLICATE_KEY'))
    return { value: undefined, faults, line };
  if (document.contents === null || (isScalar(document.contents) && document.contents.value === null))
    return broken('is empty', 'write at least sites, with hosts and backend');
  try {
    return { value: document.toJS({ maxAliasCount: 100 }) as unknown, faults, line };
  } catch (error) {
    return broken(`can't be read: ${(error as Error).message}`, 'write the values out in place of aliases');
  }
}

/** Checked before parsing: the parser takes a second for a thousand levels, and some thousands overflow the stack. */
function isDeeper(text: string): boolean {
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    for (const _token of parser.next(lexeme));
    if (parser.stack.length > deepest) return true;
  }
  return false;
}

function broken(message: string, fix: string): ConfigText {
  return {
    value: undefined,
    faults: [{ path: '', value: null, message, fix, line: null }],
    line: () => null,
  };
}

function yamlFault({ code, message, pos }: YAMLError, paths: KeyPaths, line: number): Fault {
  const fault = { path: '', value: null, line };
  switch (code) {
    case 'DUPLICATE_KEY':
      return {
        ...fault,
        path: pathText(paths.get(pos[0]) ?? []),
        message: 'occurs twice in the same map',
        fix: 'keep one of the two',
      };
    case 'MULTIPLE_DOCS':
      return { ...fault, message: 'starts a second document', fix: 'remove the line ---' };
    case 'TAB_AS_INDENT':
      return { ...fault, message: 'is indented with a tab', fix: 'indent with spaces' };
    default:
      return {
        ...fault,
        message: `is not YAML: ${message.replace(/\.$/, '')}`,
        fix: 'fix the YAML there; the rest is checked after that',
      };
  }
}

/** Offset of a key → its path. */
type KeyPaths = ReadonlyMap<number, PathPart[]>;

/** The paths of the keys at these offsets, in one walk: a file may repeat a key thousands of times. */
function pathsOfKeys(document: Document, offsets: ReadonlySet<number>): KeyPaths {
  const paths = new Map<number, PathPart[]>();
  if (offsets.size === 0) return paths;
  visit(document, {
    Pair(_, pair, ancestors) {
      const offset = rangeStart(pair.key);
      if (offset === null || !offsets.has(offset) || paths.has(offset)) return;
      const steps = [...ancestors, pair];
      const path = steps.flatMap((step, index): PathPart[] => {
        if (isPair(step)) return [String(isScalar(step.key) ? step.key.value : step.key)];
        return isSeq(step) ? [step.items.indexOf(steps[index + 1])] : [];
      });
      paths.set(offset, path);
    },
  });
  return paths;
}

function offsetOf(root: unknown, path: readonly PathPart[]): number | null {
  let node = root;
  let offset = rangeStart(root);
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => String(isScalar(key) ? key.value : key) === String(part));
      if (pair === undefined) return offset;
      offset = rangeStart(pair.key) ?? offset;
      node = pair.value;
      // For a list, the line of its key; for a scalar, its own line, since folded text may start lines below its key.
      if (isScalar(node)) offset = rangeStart(node) ?? offset;
    } else if (isSeq(node)) {
      const item = node.items[Number(part)];
      if (item === undefined) return offset;
      offset = rangeStart(item) ?? offset;
      node = item;
    } else {
      return offset;
    }
  }
  return offset;
}

const rangeStart = (node: unknown): number | null => (node as Node | null | undefined)?.range?.[0] ?? null;
