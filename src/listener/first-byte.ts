/** Tells TLS from plain HTTP by the first byte of a connection, before anybody else reads it. */
import type { Socket } from 'node:net';

/** A TLS record of a handshake (RFC 8446 section 5.1), or an SSL 2.0 hello, whose length has the highest bit set. */
const speaksTls = (byte: number): boolean => byte === 0x16 || byte >= 0x80;

/** The most that is read ahead of a hello, bytes: with keys that no quantum computer finds it is some 2,000, in two packets. */
const mostAhead = 8192;

/** The first record of TLS, as it says how long it is, or as much of it as is read ahead. */
const holdsRecord = (bytes: Buffer): boolean =>
  bytes[0] !== 0x16 ||
  bytes.length >= mostAhead ||
  (bytes.length >= 5 && bytes.length >= 5 + bytes.readUInt16BE(3));

/**
 * @param timeout milliseconds for it to come; then the connection is cut off
 * @param whole wait for the first record of TLS, too
 * @param done told whether TLS is spoken, and what came first; everything is unread on the socket. Not called where nothing comes.
 */
export function peekFirstByte(
  socket: Socket,
  timeout: number,
  whole: boolean,
  done: (tls: boolean, bytes: Buffer) => void,
): void {
  let held: Buffer | null = null;
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
    const more = socket.read() as Buffer | null;
    if (more === null) {
      if (socket.readableEnded || socket.destroyed) cutOff();
      return;
    }
    const bytes = held === null ? more : Buffer.concat([held, more]);
    if (whole && !holdsRecord(bytes)) {
      held = bytes;
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
