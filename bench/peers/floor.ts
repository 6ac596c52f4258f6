/** A proxy that parses nothing: it sends a fixed request on a kept connection for every packet. This is the cost of Node itself. */
import { connect, createServer, type Socket } from 'node:net';

const [port, backend] = process.argv.slice(2);
const head = 'GET /200 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';
const idle: { socket: Socket; client: Socket | null }[] = [];
function dialled(): { socket: Socket; client: Socket | null } {
  const buffer = Buffer.alloc(65_536);
  const kept = { client: null as Socket | null } as { socket: Socket; client: Socket | null };
  const callback = (length: number): boolean => {
    kept.client?.write(buffer.toString('latin1', 0, length), 'latin1');
    idle.push(kept);
    return true;
  };
  kept.socket = connect({
    port: Number(backend),
    host: '127.0.0.1',
    noDelay: true,
    onread: { buffer, callback },
  });
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
