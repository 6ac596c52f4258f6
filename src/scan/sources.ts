/** Finds and opens the logs that the arguments name: files, directories, stdin; plain, gzip or zstd. */

import { createReadStream } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { constants, createGunzip, createZstdDecompress } from 'node:zlib';

export interface Source {
  /** The path from the command line or inside a given directory; `-` is stdin. */
  readonly name: string;
  /** Bytes on disk; 0 for stdin. */
  readonly size: number;
  readonly packing: 'plain' | 'gzip' | 'zstd' | 'stdin';
  /** The directory: its logs belong to one server (rotated files, vhost logs). */
  readonly group: string;
}

/** A log that could not be read, or only in part. */
export interface LogFault {
  readonly file: string;
  /** What is wrong, and the fix. */
  readonly message: string;
  /** The file is not a log, so leaving it out is fine. */
  readonly harmless?: boolean;
}

const magic: readonly (readonly [bytes: readonly number[], is: Source['packing'] | string])[] = [
  [[0x1f, 0x8b], 'gzip'],
  [[0x28, 0xb5, 0x2f, 0xfd], 'zstd'],
  [[0x42, 0x5a, 0x68], 'is bzip2, which is not read: bzip2 -dc FILE | sekisho scan -'],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], 'is xz, which is not read: xz -dc FILE | sekisho scan -'],
  [[0x50, 0x4b, 0x03, 0x04], 'is a zip archive, which is not read: unzip -p FILE | sekisho scan -'],
  ...[
    [0xd4, 0xc3, 0xb2, 0xa1],
    [0xa1, 0xb2, 0xc3, 0xd4],
    [0x4d, 0x3c, 0xb2, 0xa1],
    [0xa1, 0xb2, 0x3c, 0x4d],
    [0x0a, 0x0d, 0x0d, 0x0a],
  ].map((bytes): readonly [readonly number[], string] => [bytes, captureHelp('FILE')]),
];

/** How to turn a packet capture into a log that `scan` reads. */
export function captureHelp(file: string): string {
  return (
    'is a packet capture, which is not read: there is no maintained capture reader for Node. ' +
    `Let Zeek read it (zeek -C -r ${file} && sekisho scan http.log), or tshark ` +
    `(tshark -r ${file} -Y http.request -T ek, or suricata -r ${file} && sekisho scan eve.json)`
  );
}

/** Every log that the arguments name, in order; directories are read recursively. */
export async function findSources(
  args: readonly string[],
): Promise<{ sources: Source[]; faults: LogFault[] }> {
  const sources: Source[] = [];
  const faults: LogFault[] = [];
  for (const arg of args) {
    if (arg === '-') sources.push({ name: '-', size: 0, packing: 'stdin', group: '-' });
    else await findIn(arg, false, sources, faults);
  }
  return { sources, faults };
}

async function findIn(name: string, nested: boolean, sources: Source[], faults: LogFault[]): Promise<void> {
  try {
    const { size, ...stats } = await stat(name).then((s) => ({
      size: s.size,
      file: s.isFile(),
      folder: s.isDirectory(),
    }));
    if (stats.folder) {
      const entries = (await readdir(name)).filter((entry) => !entry.startsWith('.'));
      entries.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
      if (entries.length === 0)
        faults.push({ file: name, message: 'is a directory without files', harmless: true });
      for (const entry of entries) await findIn(join(name, entry), true, sources, faults);
      return;
    }
    if (!stats.file && nested) return;
    const packing = stats.file ? await packingOf(name) : 'plain';
    if (packing !== 'plain' && packing !== 'gzip' && packing !== 'zstd') {
      const brief = packing.includes('capture') ? 'is a packet capture: --pcap says how to read it' : packing;
      faults.push({
        file: name,
        message: (nested ? brief : packing).replaceAll('FILE', name),
        harmless: nested,
      });
      return;
    }
    sources.push({ name, size, packing, group: dirname(name) });
  } catch (error) {
    faults.push({ file: name, message: faultText(error) });
  }
}

async function packingOf(name: string): Promise<string> {
  const file = await open(name);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(8), 0, 8, 0);
    const found = magic.find(
      ([bytes]) => bytes.length <= bytesRead && bytes.every((byte, i) => buffer[i] === byte),
    );
    return found?.[1] ?? 'plain';
  } finally {
    await file.close();
  }
}

const chunkSize = 1 << 20;
const pieceSize = 1 << 18;

/**
 * The bytes of a log, decompressed. Use each piece before taking the next one: they share memory.
 *
 * @param range of an uncompressed file, end exclusive
 * @param onRaw called with the number of bytes read from disk
 */
export function readSource(
  source: Source,
  range?: { start: number; end: number },
  onRaw?: (bytes: number) => void,
): AsyncIterable<Buffer> {
  if (source.packing === 'stdin') return process.stdin;
  if (source.packing === 'plain') return plainPieces(source.name, range, onRaw);
  const raw = createReadStream(source.name, { highWaterMark: chunkSize });
  if (onRaw !== undefined) raw.on('data', (chunk) => onRaw(chunk.length));
  const unpack =
    source.packing === 'gzip'
      ? createGunzip({ chunkSize, flush: constants.Z_NO_FLUSH })
      : createZstdDecompress({ chunkSize });
  raw.on('error', (error) => unpack.destroy(error));
  unpack.on('close', () => raw.destroy());
  return raw.pipe(unpack);
}

/** Reuses one buffer: a stream allocates each piece, and collecting that garbage takes a tenth of a scan's time. */
async function* plainPieces(
  name: string,
  range?: { start: number; end: number },
  onRaw?: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  const file = await open(name);
  try {
    const piece = Buffer.allocUnsafeSlow(pieceSize);
    // No position: pipes have none.
    let position = range === undefined ? null : range.start;
    for (;;) {
      const room = range === undefined ? piece.length : Math.min(piece.length, range.end - position!);
      const { bytesRead } = room === 0 ? { bytesRead: 0 } : await file.read(piece, 0, room, position);
      if (bytesRead === 0) return;
      if (position !== null) position += bytesRead;
      onRaw?.(bytesRead);
      yield piece.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** What went wrong with a file, and the fix. */
export function faultText(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOENT':
      return 'does not exist: check the name';
    case 'EACCES':
    case 'EPERM':
      return 'is not readable for this user: run as a user with access, or pipe it in (sudo cat FILE | sekisho scan -)';
    case 'Z_BUF_ERROR':
    case 'ZSTD_error_srcSize_wrong':
      return 'ends in the middle of its compressed data: copy it again; the part before the break was scanned';
    case 'Z_DATA_ERROR':
      return `is damaged (${message}): the part before the damage was scanned`;
    default:
      return `could not be read to its end: ${message}`;
  }
}
