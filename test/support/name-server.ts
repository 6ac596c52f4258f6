/** A name server on loopback, for tools that resolve names: no look-up leaves the machine. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Owner } from './owner.ts';

/** Answers every question with the one IPv4 address, at port 53 of `listen` (needs root). */
export async function nameServer(owner: Owner, listen: string, address: string): Promise<void> {
  const socket = createSocket('udp4');
  socket.on('message', (query, { port, address: to }) => {
    // RFC 1035 section 4.1: the header, then the question, which ends with a zero label and four bytes.
    const end = query.indexOf(0, 12) + 5;
    if (end < 17 || query.length < end) return;
    const header = Buffer.from(query.subarray(0, 12));
    header.writeUInt16BE(0x8180, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(1, 6);
    header.writeUInt32BE(0, 8);
    const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split('.').map(Number)]);
    socket.send(Buffer.concat([header, query.subarray(12, end), answer]), port, to);
  });
  socket.bind(53, listen);
  await once(socket, 'listening');
  owner.after(() => socket.close());
}
