/**
 * A backend that answers early (413, 401) and closes makes the next write fail while its answer is still unread. Node would destroy
 * the socket on that error, and the answer with it. Here only writing ends; the answer is still read.
 */
import type { Socket } from 'node:net';

/**
 * @param closed whether the owner has destroyed the socket
 * @param onFailed called when a write fails
 * @param onEnd called when the backend ends its side
 */
export function readAfterFailedWrite(
  socket: Socket,
  closed: () => boolean,
  onFailed: (error: Error) => void,
  onEnd: () => void,
): void {
  const destroy = socket.destroy.bind(socket);
  socket.destroy = (error?: Error) => {
    if ((error as NodeJS.ErrnoException | undefined)?.syscall !== 'write' || closed()) return destroy(error);
    onFailed(error!);
    // After a failed write the stream emits no 'end'.
    socket.push = (bytes: unknown) => {
      if (bytes === null) onEnd();
      return false;
    };
    return socket;
  };
}
