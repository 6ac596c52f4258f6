/**
 * A proxy that parses nothing: it sends a fixed request on a kept connection for every packet. This is the cost of Node itself. All
 * answers have the length of the first one, so it knows when a connection is free again.
 */
import { connect, createServer, type Socket } from 'node:net';

interface Kept {
  readonly socket: Socket;
  client: Socket | null;
  /** Bytes of the answer so far. */
  received: number;
}

const [port, backend] = process.argv.slice(2);
const head = 'GET /200 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';
const idle: Kept[] = [];
const length = await answerLength();

/** Bytes of one answer, head and all. */
function answerLength(): Promise<number> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ port: Number(backend), host: '127.0.0.1' }, () => socket.write(head));
    socket.setEncoding('latin1').on('data', (part) => {
      text += part;
      const end = text.indexOf('\r\n\r\n') + 4 + 200;
      if (end <= 203 || text.length < end) return;
      socket.destroy();
      resolve(end);
    });
  });
}

function dialled(): Kept {
  const buffer = Buffer.alloc(65_536);
  const callback = (bytes: number): boolean => {
    kept.client?.write(buffer.toString('latin1', 0, bytes), 'latin1');
    kept.received += bytes;
    if (kept.received < length) return true;
    kept.received = 0;
    idle.push(kept);
    return true;
  };
  const onread = { buffer, callback };
  const socket = connect({ port: Number(backend), host: '127.0.0.1', noDelay: true, onread });
  const kept: Kept = { socket, client: null, received: 0 };
  return kept;
}

createServer({ noDelay: true }, (client) => {
  client.on('error', () => {});
  client.on('data', () => {
    const kept = idle.pop() ?? dialled();
    kept.client = client;
    kept.socket.write(head, 'latin1');
  });
}).listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });
