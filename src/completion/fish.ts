/** Completion for fish. */
import { type CommandSpec, type ValueKind, walk } from './command-line.ts';

export function fishCompletion(program: CommandSpec): string {
  const lines = [...walk(program)].flatMap(({ path, command }) => {
    const inner = command.commands.map(({ name }) => name);
    const where = condition(path, inner);
    return [
      ...command.commands.map(
        ({ name, description }) =>
          `complete -c ${program.name} -n '${where}' -a ${name} -d ${word(description)}`,
      ),
      ...command.args.flatMap(({ value }) => {
        const what = argument(value);
        return what === '' ? [] : [`complete -c ${program.name} -n '${where}' ${what}`];
      }),
      ...command.options.map(({ long, short, description, value }) =>
        [
          `complete -c ${program.name} -n '${condition(path, path.length === 0 ? inner : [])}'`,
          `-l ${long.slice(2)}`,
          ...(short === null ? [] : [`-s ${short.slice(1)}`]),
          ...(value === 'none' ? [] : [option(value)]),
          `-d ${word(description)}`,
        ].join(' '),
      ),
    ];
  });
  return `# fish completion for ${program.name}: ${program.name} completion fish > ~/.config/fish/completions/${program.name}.fish
complete -c ${program.name} -f
${lines.join('\n')}
`;
}

/** True after the words of this command, unless a subcommand follows. */
function condition(path: readonly string[], inner: readonly string[]): string {
  if (path.length === 0) return '__fish_use_subcommand';
  const seen = path.map((one) => `__fish_seen_subcommand_from ${one}`);
  return [
    ...seen,
    ...(inner.length === 0 ? [] : [`not __fish_seen_subcommand_from ${inner.join(' ')}`]),
  ].join('; and ');
}

function option(value: ValueKind): string {
  if (typeof value !== 'string') return `-x -a '${value.join(' ')}'`;
  return { file: '-r -F', folder: "-x -a '(__fish_complete_directories)'", any: '-x', none: '' }[value];
}

function argument(value: ValueKind): string {
  if (typeof value !== 'string') return `-a '${value.join(' ')}'`;
  return { file: '-F', folder: "-a '(__fish_complete_directories)'", any: '', none: '' }[value];
}

const word = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;
