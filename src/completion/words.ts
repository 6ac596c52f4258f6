/** The command line as plain data: what shells complete, and the manual page tells. */
import type { Argument, Option, Command as Program } from 'commander';

/** What may stand there: nothing, anything, a file, a folder, or one of these words. */
export type ValueKind = 'none' | 'any' | 'file' | 'folder' | readonly string[];

export interface OptionWords {
  readonly long: string;
  readonly short: string | null;
  /** `--config <file>`. */
  readonly term: string;
  readonly description: string;
  readonly value: ValueKind;
}

export interface ArgumentWords {
  /** `<target>`, `<log...>`. */
  readonly term: string;
  readonly description: string;
  readonly value: ValueKind;
  readonly variadic: boolean;
}

export interface CommandWords {
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionWords[];
  readonly args: readonly ArgumentWords[];
  readonly commands: readonly CommandWords[];
}

export function commandWords(command: Program): CommandWords {
  const help = command.createHelp();
  return {
    name: command.name(),
    description: command.description(),
    options: help.visibleOptions(command).flatMap((option) => optionWords(option)),
    args: command.registeredArguments.map((argument) => ({
      term: help.argumentTerm(argument),
      description: argument.description,
      value: kindOfArgument(argument),
      variadic: argument.variadic,
    })),
    // `help COMMAND` is the program's own, and says what `--help` does.
    commands: command.commands.map(commandWords),
  };
}

function optionWords(option: Option): OptionWords[] {
  const { long, short, flags, description, required, optional, argChoices } = option;
  if (long == null) return [];
  const placeholder = /[<[]([^>\]]+)[>\]]/.exec(flags)?.[1] ?? '';
  const value = !required && !optional ? 'none' : (argChoices ?? kindOf(placeholder));
  return [{ long, short: short ?? null, term: flags, description, value }];
}

const kindOfArgument = (argument: Argument): ValueKind => argument.argChoices ?? kindOf(argument.name());

const kindOf = (name: string): ValueKind =>
  /^(?:file|log)s?$/.test(name) ? 'file' : /^(?:folder|dir)s?$/.test(name) ? 'folder' : 'any';

/** Every command with the words that lead to it, the program itself first, with none. */
export function* walk(
  command: CommandWords,
  path: readonly string[] = [],
): Generator<{ readonly path: readonly string[]; readonly command: CommandWords }> {
  yield { path, command };
  for (const inner of command.commands) yield* walk(inner, [...path, inner.name]);
}
