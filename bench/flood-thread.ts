/** A thread that plays many attackers: each connects once, sends CONNECT as a different client, and reads the answer. */
import { connect } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

const { port, from, perMinute } = workerData as { port: number; from: string; perMinute: number };

let attackers = 0;
let active = false;
let since = 0;
let sent = 0;

parentPort!.on('message', (attack: boolean) => {
  active = attack;
  since = performance.now();
  sent = 0;
  parentPort!.postMessage(attackers);
});

setInterval(() => {
  if (!active) return;
  const due = Math.floor(((performance.now() - since) * perMinute) / 60_000);
  for (; sent < due; sent++) attack(attackers++);
}, 5);

function attack(number: number): void {
  const client = `11.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;
  const socket = connect({ port, host: '127.0.0.1', localAddress: from });
  socket.on('error', () => {});
  socket.resume();
  socket.setTimeout(5000, () => socket.destroy());
  socket.end(
    `CONNECT www.example.com:443 HTTP/1.1\r\nHost: www.example.com\r\nX-Forwarded-For: ${client}\r\n\r\n`,
  );
}
