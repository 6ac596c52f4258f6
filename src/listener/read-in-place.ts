/**
 * Reads an accepted connection into the program's own memory. Node offers this only for dialled connections (`onread` of
 * node:net); for accepted ones every read allocates 64 KiB and goes through a stream. So this sets the private fields by which
 * node:net implements `onread`.
 */
import { Socket } from 'node:net';

interface Handle {
  useUserBuffer?(memory: Uint8Array): void;
}

/** The symbols under which node:net keeps an `onread` option; null: this version of Node has none. */
const places = findPlaces();

/** Whether accepted connections can be read into the program's own memory. */
export const readsInPlace = places !== null;

/**
 * @param next returns the memory for the next read
 * @param onBytes gets the bytes read, valid until it returns; false: stop reading until `resume`
 * @returns false if it can't be done, as with TLS; nothing has changed then
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

/** Gives later bytes, copied, to the socket's stream. */
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
