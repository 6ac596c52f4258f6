/**
 * Texts for sockets, given to the kernel together once all that was read is dealt with. Each one given away at once wakes the
 * process at the other end, which has gone to sleep again by the next: that is a good part of what a write costs.
 */
import type { Socket } from 'node:net';

let sockets: Socket[] = [];
let texts: string[] = [];

/** Writes a text, one character a byte, in this turn of the event loop. Whatever else is written to the socket comes after `deliver`. */
export function post(socket: Socket, text: string): void {
  if (sockets.push(socket) === 1) setImmediate(deliver);
  texts.push(text);
}

/** Writes what was posted. */
export function deliver(): void {
  if (sockets.length === 0) return;
  const [to, what] = [sockets, texts];
  [sockets, texts] = [[], []];
  for (let i = 0; i < to.length; i++) if (to[i]!.writable) to[i]!.write(what[i]!, 'latin1');
}
