/** A mail server that compares one message of any size with the expected bytes, and stores nothing. */

import type { Owner } from '../support/owner.ts';
import { fakeServer } from './support.ts';

export interface CountingSink {
  readonly port: number;
  /** Settles with the length of the message, terminator included. Rejects at the first byte that differs. */
  readonly taken: Promise<number>;
}

const terminator = Buffer.from('.\r\n');

/** @param piece repeated to make the message; its lines end in CRLF, and none begins with a dot */
export async function countingSink(owner: Owner, piece: Buffer): Promise<CountingSink> {
  const taken = Promise.withResolvers<number>();
  const { port } = await fakeServer(owner, (socket) => {
    socket.removeAllListeners('data');
    socket.write('220 sink.example.net ESMTP\r\n');
    let inMessage = false;
    let received = false;
    let length = 0;
    socket.on('data', (chunk: Buffer) => {
      if (!inMessage) {
        inMessage = chunk.toString('latin1') === 'DATA\r\n';
        socket.write(inMessage ? '354 Go on\r\n' : '250 OK\r\n');
        return;
      }
      // Skip the guard's Received field: three lines, in the first chunk.
      let start = 0;
      for (let line = 0; !received && line < 3; line++) start = chunk.indexOf('\n', start) + 1;
      received = true;
      for (let at = start; at < chunk.length; ) {
        const from = length % piece.length;
        const size = Math.min(chunk.length - at, piece.length - from);
        if (chunk.compare(piece, from, from + size, at, at + size) !== 0) {
          if (!chunk.subarray(at).equals(terminator)) taken.reject(new Error(`byte ${length} and on differ`));
          length += chunk.length - at;
          inMessage = false;
          socket.write('250 Taken\r\n');
          taken.resolve(length);
          return;
        }
        at += size;
        length += size;
      }
    });
  });
  return { port, taken: taken.promise };
}
