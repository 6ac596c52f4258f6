/** A gateway in front of a backend that a test serves by hand. */
import assert from 'node:assert/strict';
import { runGateway } from './gateway.ts';
import type { Owner } from './owner.ts';
import { type BackendConnection, rawBackend } from './raw-backend.ts';
import type { RawReply } from './raw-client.ts';

export const hostLine = 'Host: www.example.net\r\n';
/** A whole request for the root. */
export const get = `GET / HTTP/1.1\r\n${hostLine}\r\n`;
export const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** The config of one site in front of one backend. */
export const config = (url: string, timeouts = ''): string => `
sites: [{ hosts: [www.example.net], backend: "${url}" }]
rateLimit: false
timeouts: { ${timeouts} }
`;

/** A gateway in front of a backend that serves each connection so. */
export async function behind(
  owner: Owner,
  serve: (connection: BackendConnection, number: number) => unknown,
  timeouts = '',
) {
  const backend = await rawBackend(owner, serve);
  const gateway = await runGateway(owner, config(backend.url, timeouts));
  return { backend, gateway };
}

/** Answers the first request of each connection with these bytes. */
export const answering =
  (bytes: string, end = false) =>
  async ({ socket, until }: BackendConnection): Promise<void> => {
    await until(/\r\n\r\n/);
    if (end) socket.end(bytes, 'latin1');
    else socket.write(bytes, 'latin1');
  };

/** The status of the one answer. */
export const statusOf = (reply: RawReply): number | undefined => {
  assert.notEqual(reply.ended, 'timeout', reply.text);
  assert.ok(reply.responses.length <= 1, reply.text);
  return reply.responses[0]?.status;
};
