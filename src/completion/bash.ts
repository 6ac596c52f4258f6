/** Completion for bash, from version 3.2 on. */
import { type CommandSpec, type ValueKind, walk } from './command-line.ts';

export function bashCompletion(program: CommandSpec): string {
  const nodes = [...walk(program)];
  const key = (path: readonly string[]): string => path.map((word) => ` ${word}`).join('');
  const steps = nodes.filter(({ path }) => path.length > 0).map(({ path }) => `'${key(path)}'`);
  const values = nodes.flatMap(({ path, command }) =>
    command.options
      .filter(({ value }) => value !== 'none')
      .flatMap(({ long, short, value }) =>
        [long, ...(short === null ? [] : [short])].map(
          (flag) => `    '${key(path)}|${flag}') ${reply(value)}; return ;;`,
        ),
      ),
  );
  const words = nodes.map(({ path, command }) => {
    const flags = command.options.flatMap(({ long, short }) => [long, ...(short === null ? [] : [short])]);
    const inner = command.commands.map(({ name }) => name);
    const choices = command.args.flatMap(({ value }) => (typeof value === 'string' ? [] : value));
    const files = command.args.some(({ value }) => value === 'file' || value === 'folder');
    return `    '${key(path)}') words='${[...inner, ...choices, ...flags].join(' ')}'${files ? '; files=1' : ''} ;;`;
  });
  return `# bash completion for ${program.name}: ${program.name} completion bash > /etc/bash_completion.d/${program.name}
_${program.name}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} path='' words='' files='' index
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; index++)); do
    case "$path \${COMP_WORDS[index]}" in
      ${steps.join('|')}) path="$path \${COMP_WORDS[index]}" ;;
    esac
  done
  case "$path|$prev" in
${values.join('\n')}
  esac
  case "$path" in
${words.join('\n')}
  esac
  if [[ -n $files && $cur != -* ]]; then
    ${reply('file')}
    return
  fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _${program.name} ${program.name}
`;
}

function reply(value: ValueKind): string {
  if (typeof value !== 'string') return `COMPREPLY=($(compgen -W '${value.join(' ')}' -- "$cur"))`;
  switch (value) {
    case 'file':
    case 'folder':
      // A file name can contain spaces.
      return `local IFS=$'\\n'; COMPREPLY=($(compgen ${value === 'file' ? '-f' : '-d'} -- "$cur")); compopt -o filenames 2>/dev/null`;
    default:
      return 'COMPREPLY=()';
  }
}
