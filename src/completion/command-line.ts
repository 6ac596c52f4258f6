/** The command line as plain data, for shell completion and the manual page. */
import type { Argument, Option, Command as Program } from 'commander';

/** The value of an option or argument: none, any text, a file, a folder, or one of these words. */
export type ValueKind = 'none' | 'any' | 'file' | 'folder' | readonly string[];

export interface OptionSpec {
  readonly long: string;
  readonly short: string | null;
  /** `--config <file>`. */
  readonly term: string;
  readonly description: string;
  readonly value: ValueKind;
}

export interface ArgumentSpec {
  /** `<target>`, `<log...>`. */
  readonly term: string;
  readonly description: string;
  readonly value: ValueKind;
  readonly variadic: boolean;
}

export interface CommandSpec {
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionSpec[];
  readonly args: readonly ArgumentSpec[];
  readonly commands: readonly CommandSpec[];
}

export function commandSpec(command: Program): CommandSpec {
  const help = command.createHelp();
  return {
    name: command.name(),
    description: command.description(),
    options: help.visibleOptions(command).flatMap((option) => optionSpec(option)),
    args: command.registeredArguments.map((argument) => ({
      term: help.argumentTerm(argument),
      description: argument.description,
      value: kindOfArgument(argument),
      variadic: argument.variadic,
    })),
    // Without `help COMMAND`, which commander adds; `--help` does the same.
    commands: command.commands.map(commandSpec),
  };
}

function optionSpec(option: Option): OptionSpec[] {
  const { long, short, flags, description, required, optional, argChoices } = option;
  if (long == null) return [];
  const placeholder = /[<[]([^>\]]+)[>\]]/.exec(flags)?.[1] ?? '';
  const value = !required && !optional ? 'none' : (argChoices ?? kindOf(placeholder));
  return [{ long, short: short ?? null, term: flags, description, value }];
}

const kindOfArgument = (argument: Argument): ValueKind => argument.argChoices ?? kindOf(argument.name());

const kindOf = (name: string): ValueKind =>
  /^(?:file|log)s?$/.test(name) ? 'file' : /^(?:folder|dir)s?$/.test(name) ? 'folder' : 'any';

/** Every command with its words on the command line; first the program itself, with none. */
export function* walk(
  command: CommandSpec,
  path: readonly string[] = [],
): Generator<{ readonly path: readonly string[]; readonly command: CommandSpec }> {
  yield { path, command };
  for (const inner of command.commands) yield* walk(inner, [...path, inner.name]);
}
