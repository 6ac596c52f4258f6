/** Opens many silent connections to a loopback port and reports when all are open and when all are closed. */
import { connect } from 'node:net';

const [port, count, localAddress] = [Number(process.argv[2]), Number(process.argv[3]), process.argv[4]!];
let next = 0;
let closed = 0;

async function lane(): Promise<void> {
  while (next < count) {
    next++;
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    socket.on('error', () => {});
    socket.resume();
    socket.once('close', () => {
      if (++closed === count) console.log('all closed');
    });
    await new Promise<void>((done) => socket.once('connect', () => done()).once('close', () => done()));
  }
}

await Promise.all(Array.from({ length: 50 }, lane));
console.log(`open ${count - closed}`);
