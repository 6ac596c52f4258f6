/** Closes a connection so that its last answer arrives. */
import type { Socket } from 'node:net';

/** Milliseconds for the other side to close. */
const lingerTime = 2000;
/** The most bytes read and dropped meanwhile; a peer that sends more gets a reset. */
const lingerBytes = 1024 * 1024;

/**
 * Closes a connection after an answer (RFC 9112 section 9.6). Closing with unread bytes would reset the connection, and the
 * reset could overtake the answer. So incoming bytes are read and dropped, within bounds, until the other side closes.
 *
 * @param answer written before the close
 */
export function lingeringClose(socket: Socket, answer: Buffer | string = ''): void {
  if (socket.destroyed) return;
  if (socket.writable) {
    // Writing an empty text would cost a system call.
    if (answer.length === 0) socket.end();
    else socket.end(answer, 'latin1');
  }
  let dropped = 0;
  const timer = setTimeout(() => socket.destroy(), lingerTime);
  socket.on('data', (bytes: Buffer) => {
    dropped += bytes.length;
    if (dropped > lingerBytes) socket.destroy();
  });
  socket.once('end', () => socket.destroySoon());
  socket.once('close', () => clearTimeout(timer));
  socket.resume();
}
