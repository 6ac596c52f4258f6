/** The summaries of commands on a terminal, by language. */
import { type CommandWords, commandsInEnglish } from './commands-en.ts';
import { commandsInJapanese } from './commands-ja.ts';
import type { Language } from './language.ts';

export const commandWords: Readonly<Record<Language, CommandWords>> = {
  en: commandsInEnglish,
  ja: commandsInJapanese,
};
