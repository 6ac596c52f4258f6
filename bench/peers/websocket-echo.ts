/** A backend that sends every WebSocket message back. */
import { WebSocketServer } from 'ws';

const server = new WebSocketServer({
  port: Number(process.argv[2]),
  host: '127.0.0.1',
  perMessageDeflate: false,
});
server.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })));
