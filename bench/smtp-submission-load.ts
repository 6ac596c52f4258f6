/**
 * Sends mails as mail programs do, one per session: STARTTLS, AUTH PLAIN, one message. Postfix's smtp-source can't do that.
 * Arguments: port, messages, concurrent sessions, bytes per message. Exits 1 if a message is not accepted.
 */
import { createConnection, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

const [port, messages, sessions, bytes] = process.argv.slice(2).map(Number) as [
  number,
  number,
  number,
  number,
];
const message = `Subject: x\r\n\r\n${`${'x'.repeat(76)}\r\n`.repeat(Math.ceil(bytes / 78))}.\r\n`;
const password = Buffer.from('\0user\0secret').toString('base64');

/** Sends each line after the reply to the previous one. @returns the last reply code */
function talk(socket: Socket, lines: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    let pending = '';
    let next = 0;
    const onData = (chunk: Buffer): void => {
      pending += chunk.toString('latin1');
      const match = /^(\d{3}) .*\r\n$/m.exec(pending);
      if (match === null) return;
      pending = '';
      const code = Number(match[1]);
      if (code >= 400) reject(new Error(`${lines[next - 1]?.slice(0, 40)}: ${code}`));
      else if (next < lines.length) socket.write(lines[next++]!, 'latin1');
      else {
        socket.off('data', onData);
        resolve(code);
      }
    };
    socket.on('data', onData);
    socket.once('error', reject);
  });
}

async function send(): Promise<void> {
  const plain = createConnection({ port, host: '127.0.0.1', noDelay: true });
  await talk(plain, ['EHLO client.example.org\r\n', 'STARTTLS\r\n']);
  const secure = connectTls({ socket: plain, rejectUnauthorized: false });
  secure.write('EHLO client.example.org\r\n');
  await talk(secure, [
    `AUTH PLAIN ${password}\r\n`,
    'MAIL FROM:<user@example.net>\r\n',
    'RCPT TO:<user@example.com>\r\n',
    'DATA\r\n',
    message,
  ]);
  secure.end('QUIT\r\n');
}

let left = messages;
await Promise.all(
  Array.from({ length: sessions }, async () => {
    while (left-- > 0) await send();
  }),
);
