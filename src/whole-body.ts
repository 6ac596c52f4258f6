/** Reads the body of an HTTP response whole, up to a bound. */
import type { IncomingMessage } from 'node:http';

/**
 * A longer body is cut off, and so is the connection.
 *
 * @param most bytes
 * @param tooLong makes the error for a longer body
 * @returns rejects if the body is too long, or the connection ends before it does
 */
export function wholeBody(response: IncomingMessage, most: number, tooLong: () => Error): Promise<Buffer> {
  return new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > most) response.destroy(tooLong());
      else chunks.push(chunk);
    });
    response.on('error', reject);
    response.on('end', () => resolve(Buffer.concat(chunks)));
  });
}
