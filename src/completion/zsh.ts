/** Completion for zsh, by its function `_arguments`. */
import { type CommandSpec, type OptionSpec, type ValueKind, walk } from './command-line.ts';

export function zshCompletion(program: CommandSpec): string {
  const functions = [...walk(program)].map(({ path, command }) => body([program.name, ...path], command));
  return `#compdef ${program.name}
# zsh completion for ${program.name}: ${program.name} completion zsh > "\${fpath[1]}/_${program.name}"
${functions.join('\n')}
# Loaded from fpath this file is called; read by source it registers itself.
if [[ $funcstack[1] == _${program.name} ]]; then _${program.name} "$@"; else compdef _${program.name} ${program.name}; fi
`;
}

function body(path: readonly string[], { options, args, commands }: CommandSpec): string {
  const name = `_${path.join('_')}`;
  const flags = options.flatMap(specs);
  const places = args.map(
    ({ term, value, variadic }, index) =>
      `'${variadic ? '*' : index + 1}:${quoted(term.replace(/[<>[\].]/g, ''))}:${action(value)}'`,
  );
  if (commands.length === 0)
    return `${name}() {\n  _arguments -s ${[...flags, ...places].join(' \\\n    ')}\n}`;
  const inner = commands.map(({ name: word, description }) => `    '${word}:${quoted(description)}'`);
  const calls = commands.map(({ name: word }) => `    ${word}) ${name}_${word} ;;`);
  return `${name}() {
  local line state
  local -a commands
  commands=(
${inner.join('\n')}
  )
  _arguments -C ${[...flags, "'1: :->command'", "'*:: :->rest'"].join(' \\\n    ')}
  case $state in
    command) _describe command commands ;;
    rest) case $line[1] in
${calls.join('\n')}
    esac ;;
  esac
}`;
}

function specs({ long, short, description, value }: OptionSpec): string[] {
  const what = value === 'none' ? '' : `:value:${action(value)}`;
  return [long, ...(short === null ? [] : [short])].map(
    (flag) => `'*${flag}[${quoted(description).replace(/[[\]]/g, '\\$&')}]${what}'`,
  );
}

function action(value: ValueKind): string {
  if (typeof value !== 'string') return `(${value.join(' ')})`;
  return { file: '_files', folder: '_files -/', any: ' ', none: '' }[value];
}

/** Escapes single quotes, and the colons that separate the fields of a specification. */
const quoted = (text: string): string => text.replaceAll("'", "'\\''").replaceAll(':', '\\:');
