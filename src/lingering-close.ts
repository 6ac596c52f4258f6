/** The end of a connection behind its last answer. */
import type { Socket } from 'node:net';

/** Milliseconds for the other side to close. */
const lingerTime = 2000;
/** Bytes that are read and dropped meanwhile; who sends on and on gets a reset. */
const lingerBytes = 1024 * 1024;

/**
 * Closes a connection, after an answer (RFC 9112 section 9.6). A close with unread bytes would reset the connection, and the
 * reset overtakes the answer: so what still comes is read and dropped until the other side closes, within bounds.
 *
 * @param answer what is written last
 */
export function lingeringClose(socket: Socket, answer: Buffer | string = ''): void {
  if (socket.destroyed) return;
  if (socket.writable) {
    // An empty text would be a system call of its own.
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
