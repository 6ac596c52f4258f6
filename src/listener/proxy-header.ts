/** Reads the PROXY header off a connection before any other reader. */
import type { Socket } from 'node:net';
import { readProxyHeader } from '../wire/proxy-protocol.ts';

/** The longest header accepted, including extensions, in bytes. */
const longest = 4096;

/**
 * @param timeout milliseconds to wait for the header
 * @param done gets the client's address, or null if the balancer speaks for itself; later bytes stay unread on the socket.
 *   Not called if the peer sends no valid header: it is cut off, since its client is unknown.
 */
export function takeProxyHeader(
  socket: Socket,
  timeout: number,
  done: (source: string | null) => void,
): void {
  let bytes: Buffer = Buffer.alloc(0);
  const finish = (): void => {
    clearTimeout(timer);
    socket.off('readable', onReadable);
    socket.off('error', refuse);
  };
  const refuse = (): void => {
    finish();
    socket.on('error', () => {});
    socket.destroy();
  };
  const onReadable = (): void => {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) return;
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    const header = readProxyHeader(bytes);
    if (header === 'more' && bytes.length < longest) return;
    if (header === 'more' || header === 'none') {
      refuse();
      return;
    }
    finish();
    if (bytes.length > header.length) socket.unshift(bytes.subarray(header.length));
    done(header.source);
  };
  const timer = setTimeout(refuse, timeout);
  socket.on('readable', onReadable);
  socket.on('error', refuse);
}
