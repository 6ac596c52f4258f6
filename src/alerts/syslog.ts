/** Alerts by syslog (RFC 5424): over UDP (RFC 5426), TCP (RFC 6587, octet counting) or TLS (RFC 5425). */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect as connectTcp, isIPv6, type Socket } from 'node:net';
import { hostname } from 'node:os';
import { connect as connectTls } from 'node:tls';
import type { SyslogTarget } from '../config/service-url.ts';
import type { Channel } from './channel.ts';
import type { AlertMessage } from './message.ts';

const timeout = 10_000;
/** Facility 10, security messages. */
const facility = 10;
const severity = { trouble: 4, notice: 5, relief: 5 } as const;

export function syslog(target: SyslogTarget): Channel {
  return {
    name: `syslog ${target.transport} ${target.host}:${target.port}`,
    send: (message) =>
      target.transport === 'udp' ? sendDatagram(target, message) : sendStream(target, message),
    close: () => {},
  };
}

/** One message, RFC 5424 section 6. */
export function syslogLine({ level, time, kind, id, title, lines, link }: AlertMessage): string {
  const priority = facility * 8 + severity[level];
  const stamp = new Date(time).toISOString();
  // 32473 is the enterprise number that RFC 5612 reserves for examples; we have none of our own.
  const where = link === null ? '' : ` link="${link.replace(/["\\\]]/g, '\\$&')}"`;
  const data = `[sekisho@32473 id="${id}" kind="${kind}" level="${level}"${where}]`;
  const text = [title, ...lines].join('; ').replace(/\p{C}/gu, '?');
  // RFC 5424 section 6.4: UTF-8 text begins with a BOM.
  const mark = /^[\x20-\x7e]*$/.test(text) ? '' : '\ufeff';
  return `<${priority}>1 ${stamp} ${token(hostname(), 255)} sekisho ${process.pid} ${kind} ${data} ${mark}${text}`;
}

const token = (text: string, length: number): string =>
  text.replace(/[^\x21-\x7e]/g, '').slice(0, length) || '-';

/** Truncates UTF-8 at a character boundary. */
function cutText(bytes: Buffer, length: number): Buffer {
  let end = Math.min(length, bytes.length);
  while (end < bytes.length && (bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}

async function sendDatagram({ host, port }: SyslogTarget, message: AlertMessage): Promise<void> {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  try {
    // RFC 5426 section 3.2: a receiver need not accept more than 2048 bytes.
    const bytes = cutText(Buffer.from(syslogLine(message)), 2048);
    await new Promise<void>((done, fail) => {
      socket.once('error', fail);
      socket.send(bytes, port, host, (error) => (error === null ? done() : fail(error)));
    });
  } finally {
    socket.close();
  }
}

async function sendStream({ transport, host, port }: SyslogTarget, message: AlertMessage): Promise<void> {
  const socket: Socket =
    transport === 'tls'
      ? connectTls({ host, port, ...(isIPv6(host) || /^[\d.]+$/.test(host) ? {} : { servername: host }) })
      : connectTcp({ host, port });
  socket.setTimeout(timeout, () => socket.destroy(new Error('the syslog server does not answer')));
  try {
    await once(socket, transport === 'tls' ? 'secureConnect' : 'connect');
    const bytes = Buffer.from(syslogLine(message));
    socket.resume();
    socket.end(Buffer.concat([Buffer.from(`${bytes.length} `), bytes]));
    await once(socket, 'close');
  } finally {
    socket.destroy();
  }
}
