/** The thread of the backends: a web server with a small page, a large one and WebSockets, and a mail server that discards all mail. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { parentPort } from 'node:worker_threads';

const large = Buffer.alloc(8 * 1024 * 1024, 'a');
const server = createServer((req, res) => {
  req.resume();
  res.end(req.url === '/large' ? large : 'a page');
});
server.on('upgrade', (req, socket) => {
  const key = `${req.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash('sha1').update(key).digest('base64');
  socket.on('error', () => {});
  socket.resume();
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
});
const mail = createTcpServer((socket) => {
  socket.on('error', () => {});
  socket.write('220 mail.example.net ESMTP\r\n');
  socket.setEncoding('latin1').on('data', (lines: string) => {
    for (const line of lines.split('\n'))
      if (line !== '') socket.write(/^quit/i.test(line) ? '221 2.0.0 bye\r\n' : '250 2.0.0 fine\r\n');
  });
});
const portOf = (listening: Pick<typeof server, 'address'>): number =>
  (listening.address() as AddressInfo).port;
server.listen(0, '127.0.0.1', () => {
  mail.listen(0, '127.0.0.1', () => parentPort!.postMessage({ web: portOf(server), mail: portOf(mail) }));
});
