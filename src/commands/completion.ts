import { bashCompletion } from '../completion/bash.ts';
import { fishCompletion } from '../completion/fish.ts';
import { zshCompletion } from '../completion/zsh.ts';
import type { Command, CompletionOptions } from './options.ts';

const shells = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

/** `sekisho completion`: prints the completion script for a shell. */
export const run: Command<CompletionOptions> = async ({ shell, program }) => {
  process.stdout.write(shells[shell](program));
  return 0;
};
