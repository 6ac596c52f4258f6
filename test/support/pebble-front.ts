/**
 * A proxy in front of a real Pebble: lets a test see requests, answer instead of Pebble, or add what this Pebble lacks (renewal
 * information).
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request as ask, createServer } from 'node:https';
import { certificate } from './certificate.ts';
import type { Owner } from './owner.ts';
import type { Pebble } from './pebble.ts';

export interface Asked {
  readonly path: string;
  /** Payload of a signed request; null: none. */
  readonly payload: Readonly<Record<string, unknown>> | null;
}

export interface Said {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: object;
}

export interface PebbleFront extends Pebble {
  readonly asked: Asked[];
  /** The answer instead of Pebble's; null: Pebble answers. */
  answer: (asked: Asked) => Said | null | Promise<Said | null>;
}

/** @param renewalInfo the directory names where renewal information is (RFC 9773 section 4.1). @default false */
export async function startFront(owner: Owner, pebble: Pebble, renewalInfo = false): Promise<PebbleFront> {
  const { cert, key } = await certificate(owner, ['localhost']);
  const behind = new URL(pebble.directory);
  const ca = readFileSync(pebble.ca);
  const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, response) => {
    void (async () => {
      const body = await textOf(request);
      const asked: Asked = { path: request.url!, payload: payloadOf(body) };
      const said = await front.answer(asked);
      if (said !== null) {
        front.asked.push(asked);
        response.writeHead(said.status, { 'Content-Type': 'application/json', ...said.headers });
        response.end(JSON.stringify(said.body));
        return;
      }
      // With the Host of the front: Pebble then names URLs there.
      const { method = 'GET', headers, url: path } = request;
      const forwarded = ask({
        host: 'localhost',
        port: behind.port,
        ca,
        method,
        path: path!,
        headers,
        agent: false,
      });
      forwarded.end(body);
      const [answer] = (await once(forwarded, 'response')) as [IncomingMessage];
      let text = await textOf(answer);
      // Pebble asked for a retry with another nonce: the request does not count.
      if (!text.includes('badNonce')) front.asked.push(asked);
      if (renewalInfo && path === '/dir')
        text = JSON.stringify({ ...JSON.parse(text), renewalInfo: `${origin()}/renewal-info` });
      delete answer.headers['content-length'];
      response.writeHead(answer.statusCode!, answer.headers).end(text);
    })().catch(() => response.destroy());
  });
  const origin = (): string => `https://localhost:${(server.address() as { port: number }).port}`;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  owner.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const front: PebbleFront = {
    ...pebble,
    directory: `${origin()}/dir`,
    ca: cert,
    asked: [],
    answer: () => null,
  };
  return front;
}

async function textOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function payloadOf(body: string): Asked['payload'] {
  if (body === '') return null;
  const { payload } = JSON.parse(body) as { payload: string };
  return payload === '' ? null : JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
}
