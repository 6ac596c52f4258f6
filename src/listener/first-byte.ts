/** Tells TLS from plain HTTP by the first byte of a connection, before anybody else reads it. */
import type { Socket } from 'node:net';

/** A TLS record of a handshake (RFC 8446 section 5.1), or an SSL 2.0 hello, whose length has the highest bit set. */
const speaksTls = (byte: number): boolean => byte === 0x16 || byte >= 0x80;

/**
 * @param timeout milliseconds for the first byte to come; then the connection is cut off
 * @param done told whether TLS is spoken, and what came first; everything is unread on the socket. Not called where nothing comes.
 */
export function peekFirstByte(
  socket: Socket,
  timeout: number,
  done: (tls: boolean, bytes: Buffer) => void,
): void {
  const finish = (): void => {
    clearTimeout(timer);
    socket.off('readable', onReadable);
    socket.off('end', cutOff);
    socket.off('error', cutOff);
    socket.off('close', finish);
  };
  const cutOff = (): void => {
    finish();
    socket.on('error', () => {});
    socket.destroy();
  };
  const onReadable = (): void => {
    const bytes = socket.read() as Buffer | null;
    if (bytes === null) {
      if (socket.readableEnded || socket.destroyed) cutOff();
      return;
    }
    finish();
    socket.unshift(bytes);
    done(speaksTls(bytes[0]!), bytes);
  };
  const timer = setTimeout(cutOff, timeout);
  socket.on('readable', onReadable);
  socket.on('end', cutOff);
  socket.on('error', cutOff);
  socket.on('close', finish);
}
