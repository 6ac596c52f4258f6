/**
 * A backend that answers early (413, 401) and closes breaks the next write, while its answer waits to be read. Node destroys a
 * socket on such an error, and the answer with it. Here it ends the writing alone, and reading tells of the rest.
 */
import type { Socket } from 'node:net';

/**
 * @param closed the socket is destroyed by its owner: nothing more is read
 * @param onFailed a write has failed
 * @param onEnd the backend has ended what it sends
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
    // A stream that a write has failed on does not tell of the end of what it reads.
    socket.push = (bytes: unknown) => {
      if (bytes === null) onEnd();
      return false;
    };
    return socket;
  };
}
