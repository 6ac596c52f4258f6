/**
 * Reads an accepted connection into memory of the program's own. Node does so with what it dials (`onread` of node:net), and has
 * no such option for what it accepts: each read there is 64 KiB of fresh memory and a stream's work besides. So the way of
 * `onread` is taken by the names that node:net itself uses for it.
 */
import { Socket } from 'node:net';

interface Handle {
  useUserBuffer?(memory: Uint8Array): void;
}

/** Where node:net keeps an `onread` option; null where this Node has no such places. */
const places = findPlaces();

/** Whether accepted connections can be read into memory of ours. */
export const readsInPlace = places !== null;

/**
 * @param next the memory for the read to come
 * @param onBytes gets what was read, which is there until it returns; false: read no more until `resume`
 * @returns false where it can't be done, as with TLS; then nothing has changed
 */
export function readInPlace(
  socket: Socket,
  next: () => Uint8Array,
  onBytes: (bytes: Buffer) => boolean,
): boolean {
  const handle = (socket as Socket & { _handle?: Handle | null })._handle ?? null;
  if (places === null || handle?.useUserBuffer === undefined || 'encrypted' in socket) return false;
  const first = next();
  const kept = socket as Socket & { [place: symbol]: unknown };
  kept[places.buffer] = first;
  kept[places.next] = next;
  kept[places.callback] = (length: number, bytes: Uint8Array) =>
    onBytes((bytes as Buffer).subarray(0, length));
  handle.useUserBuffer(first);
  return true;
}

/** The stream gets what comes from now on, copied. */
export function readByStream(socket: Socket): void {
  if (places === null) return;
  (socket as Socket & { [place: symbol]: unknown })[places.callback] = (length: number, bytes: Uint8Array) =>
    socket.push(Buffer.from((bytes as Buffer).subarray(0, length)));
}

function findPlaces(): { buffer: symbol; callback: symbol; next: symbol } | null {
  const socket = new Socket({ onread: { buffer: Buffer.alloc(1), callback: () => true } });
  const place = (name: string) =>
    Object.getOwnPropertySymbols(socket).find((one) => one.description === name);
  const [buffer, callback, next] = [place('kBuffer'), place('kBufferCb'), place('kBufferGen')];
  socket.destroy();
  return buffer === undefined || callback === undefined || next === undefined
    ? null
    : { buffer, callback, next };
}
