/** Distinguishes TLS from plain HTTP by the first byte of a connection, without consuming it. */
import type { Socket } from 'node:net';

/** A TLS handshake record (RFC 8446 section 5.1), or an SSL 2.0 hello, whose length has the highest bit set. */
const speaksTls = (byte: number): boolean => byte === 0x16 || byte >= 0x80;

/** The most bytes of a hello to read ahead. With post-quantum keys it has some 2,000 bytes, in two packets. */
const mostAhead = 8192;

/** Whether the bytes hold the first TLS record by its declared length, or as much as is read ahead, or are not TLS. */
const holdsRecord = (bytes: Buffer): boolean =>
  bytes[0] !== 0x16 ||
  bytes.length >= mostAhead ||
  (bytes.length >= 5 && bytes.length >= 5 + bytes.readUInt16BE(3));

/**
 * @param timeout milliseconds to wait for it; then the connection is cut off
 * @param whole wait for the whole first TLS record
 * @param done called with whether the client speaks TLS, and the first bytes, which stay unread on the socket. Not called if
 *   nothing arrives.
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
