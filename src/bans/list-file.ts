/** Lists of prefixes as others publish them: plain addresses and CIDR, one a line, such as Spamhaus DROP. */
import { readFile } from 'node:fs/promises';
import { setImmediate as turn } from 'node:timers/promises';
import type { ErrorCode } from '../errors.ts';
import { BanPrefixError, banPrefix } from './ban-prefix.ts';

/** A line that is no prefix. Never skipped: a list that is half read leaves a door open that is believed shut. */
export class ListError extends Error {
  override readonly name = 'ListError';
  readonly code: ErrorCode = 'SEKISHO_ERR_BAN_LIST';
}

/** Lines read between two turns of the event loop, so that a long list does not hold up requests. */
const batch = 2000;

/**
 * Reads the text of a list. `#` and `;` start a comment, on a line of its own or behind a prefix.
 *
 * @param file names the text in errors
 * @returns canonical prefixes, each once
 * @throws {ListError} for the first line that is no prefix
 */
export async function parseList(text: string, file: string): Promise<string[]> {
  const prefixes = new Set<string>();
  const lines = text.split('\n');
  for (const [index, line] of lines.entries()) {
    if (index % batch === batch - 1) await turn();
    const entry = line.split(/[#;]/, 1)[0]!.trim();
    if (entry === '') continue;
    try {
      prefixes.add(banPrefix(entry));
    } catch (error) {
      if (!(error instanceof BanPrefixError)) throw error;
      throw new ListError(`${file}:${index + 1}: ${error.message}`);
    }
  }
  return [...prefixes];
}

/**
 * Reads several files into one list.
 *
 * @throws {ListError} for the first line that is no prefix, and where a file can't be read
 */
export async function readLists(files: readonly string[]): Promise<string[]> {
  const all = new Set<string>();
  for (const file of files) {
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } catch (error) {
      throw new ListError(`${file}: can't be read: ${(error as Error).message}`);
    }
    for (const prefix of await parseList(text, file)) all.add(prefix);
  }
  return [...all];
}
