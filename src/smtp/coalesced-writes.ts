/**
 * Texts for sockets, written together once everything that was read in this turn of the event loop is dealt with. Each write wakes the
 * process at the other end; writing one text at a time would wake it again and again, a good part of the cost of a write.
 */
import type { Socket } from 'node:net';
import { lingeringClose } from '../lingering-close.ts';

let sockets: Socket[] = [];
let texts: string[] = [];
let lasts: boolean[] = [];

/**
 * Writes a text, one character a byte, in this turn of the event loop. Call `deliver` before writing to the socket directly.
 *
 * @param last closes the connection once the kernel has the text, without waiting for the other side
 */
export function post(socket: Socket, text: string, last = false): void {
  if (sockets.push(socket) === 1) setImmediate(deliver);
  texts.push(text);
  lasts.push(last);
}

/** Writes what was posted. */
export function deliver(): void {
  if (sockets.length === 0) return;
  const [to, what, final] = [sockets, texts, lasts];
  [sockets, texts, lasts] = [[], [], []];
  for (let i = 0; i < to.length; i++) {
    const socket = to[i]!;
    if (!socket.writable) continue;
    socket.write(what[i]!, 'latin1');
    if (!final[i]) continue;
    // Usually the kernel has all of it by now, and closing is one system call in place of shutdown, read and close.
    if (socket.writableLength === 0) socket.destroy();
    // A peer that never reads must not hold the connection.
    else lingeringClose(socket);
  }
}
