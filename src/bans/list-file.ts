/** Reads published lists of prefixes such as Spamhaus DROP: an address or CIDR prefix per line. */
import { readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { prefixKey, readPrefixKey } from '../address/prefix-key.ts';
import type { ErrorCode } from '../errors.ts';
import { BanPrefixError, listedPrefix } from './ban-prefix.ts';
import { readListLine } from './list-line.ts';
import { type PrefixColumns, PrefixList, PrefixListBuilder } from './prefix-list.ts';

/** A list can't be used. A line that is not a prefix is never skipped: clients believed banned would get in. */
export class ListError extends Error {
  override readonly name = 'ListError';
  readonly code: ErrorCode = 'SEKISHO_ERR_BAN_LIST';
}

/** The most bytes read on the thread that serves requests; larger lists are read in a thread of their own. */
const small = 256 * 1024;

/**
 * Reads several files into one list without blocking requests.
 *
 * @throws {ListError} for the first line that is not a prefix, and if a file can't be read
 */
export async function readLists(files: readonly string[]): Promise<PrefixList> {
  const sizes = await Promise.all(
    files.map((file) =>
      stat(file).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  return new PrefixList(bytes <= small ? readListsNow(files) : await readInThread(files));
}

/** Like `readLists`, but blocking. */
export function readListsNow(files: readonly string[]): PrefixColumns {
  const builder = new PrefixListBuilder();
  for (const file of files) {
    let bytes: Buffer;
    try {
      bytes = readFileSync(file);
    } catch (error) {
      throw new ListError(`${file}: can't be read: ${(error as Error).message}`);
    }
    addList(builder, bytes, file);
  }
  return builder.finish();
}

/**
 * Reads the bytes of a list. `#` and `;` start a comment, on its own line or after a prefix. Lines that ban nobody are left out, and
 * noted in the list.
 *
 * @param file names the list in errors
 * @throws {ListError} for the first line that is not a prefix
 */
export function addList(builder: PrefixListBuilder, bytes: Buffer, file: string): void {
  const key = prefixKey();
  let line = 0;
  for (let start = 0; start < bytes.length; ) {
    const found = bytes.indexOf(0x0a, start);
    const end = found === -1 ? bytes.length : found;
    line++;
    if (readListLine(bytes, start, end, key)) builder.add(key);
    else addWithCare(builder, bytes.toString('latin1', start, end), `${file}:${line}`);
    start = end + 1;
  }
}

function addWithCare(builder: PrefixListBuilder, text: string, place: string): void {
  const entry = text.split(/[#;]/, 1)[0]!.trim();
  if (entry === '') return;
  const key = prefixKey();
  try {
    const listed = listedPrefix(entry);
    if ('idle' in listed) builder.skip(`${place}: ${listed.idle}`);
    else if (readPrefixKey(listed.prefix, key)) builder.add(key);
  } catch (error) {
    if (!(error instanceof BanPrefixError)) throw error;
    throw new ListError(`${place}: ${error.message}`);
  }
}

function readInThread(files: readonly string[]): Promise<PrefixColumns> {
  return new Promise((resolve, reject) => {
    // Beside this file, with the same extension as this one: .ts in a checkout, .js or .cjs when built.
    const url = new URL(`./list-thread${extname(import.meta.url)}`, import.meta.url);
    const thread = new Worker(url, { workerData: files, name: 'sekisho-lists' });
    thread.once('message', ({ columns, error }: { columns?: PrefixColumns; error?: string }) => {
      if (columns === undefined) reject(new ListError(error));
      else resolve(columns);
    });
    thread.once('error', reject);
    thread.once('exit', () => reject(new ListError('the thread that reads the lists ended early')));
  });
}
