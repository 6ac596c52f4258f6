/**
 * Mixed load over HTTP/2 and HTTP/1: small and large bodies both ways, clients that reset, leave, or read slowly. Every answer carries
 * the nonce of its request. SOAK_SECONDS makes it longer.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { certificate } from '../support/certificate.ts';
import { runGateway } from '../support/gateway.ts';

const seconds = Number(process.env.SOAK_SECONDS ?? 6);
const host = 'localhost';
const size = (): number =>
  Math.random() < 0.2 ? Math.floor(Math.random() * 400_000) : Math.floor(Math.random() * 200);

interface Tally {
  answered: number;
  reset: number;
  left: number;
  readonly wrong: string[];
}

test(`${seconds} seconds of mixed HTTP/2: no answer to another request, none cut, none lost`, {
  timeout: (seconds + 180) * 1000,
}, async (t) => {
  const backend = createServer(async (req, res) => {
    let length = 0;
    req.on('error', () => {});
    res.on('error', () => {});
    req.on('data', (bytes: Buffer) => {
      length += bytes.length;
    });
    req.on('end', async () => {
      if (Math.random() < 0.05) await delay(20);
      const text = `${req.headers['x-nonce']}:${length}:${'x'.repeat(size())}`;
      if (Math.random() < 0.5) res.setHeader('Content-Length', text.length);
      res.end(`${text}.`.slice(0, res.hasHeader('Content-Length') ? text.length : undefined));
    });
  });
  backend.listen(0, '127.0.0.1');
  await once(backend, 'listening');
  t.after(() => {
    backend.close();
    backend.closeAllConnections();
  });
  const { cert, key } = await certificate(t, [host]);
  const { port, log, events } = await runGateway(
    t,
    `sites: [{ hosts: ["${host}:*"], backend: "http://127.0.0.1:${(backend.address() as AddressInfo).port}", connections: { max: 200, queue: 4096 } }]\nrateLimit: false\nbans: false\n`,
    `listen: [{ address: "127.0.0.1:0", tls: { cert: ${cert}, key: ${key} } }]\n`,
  );
  const tally: Tally = { answered: 0, reset: 0, left: 0, wrong: [] };
  const until = Date.now() + seconds * 1000;
  const enough = (): boolean => tally.answered > 50 * seconds && tally.reset > 0;
  // A slow machine has two minutes more for as many requests.
  const goesOn = (): boolean => Date.now() < until || (!enough() && Date.now() < until + 120_000);
  const lane = async (lane: number): Promise<void> => {
    while (goesOn()) {
      const session = connect(`https://${host}:${port}`, { rejectUnauthorized: false });
      session.on('error', () => {});
      await once(session, 'remoteSettings');
      for (let round = 0; round < 20 && goesOn(); round++) {
        await Promise.all(
          Array.from({ length: 1 + Math.floor(Math.random() * 12) }, () => ask(session, tally, lane)),
        );
      }
      if (Math.random() < 0.3) {
        // It leaves with requests under way.
        const last = Array.from({ length: 5 }, () => ask(session, { ...tally, wrong: [] }, lane));
        session.destroy();
        await Promise.all(last);
        tally.left++;
      } else session.close();
    }
  };
  const old = async (): Promise<void> => {
    while (goesOn()) await askOld(port, tally);
  };
  await Promise.all([...Array.from({ length: 8 }, (_, i) => lane(i)), old(), old()]);
  assert.deepEqual(tally.wrong, []);
  assert.ok(enough(), JSON.stringify(tally));
  assert.deepEqual(
    log.filter((line) => (JSON.parse(line) as { level: number }).level >= 50),
    [],
  );
  assert.deepEqual(
    events.map(({ rule }) => rule),
    [],
  );
});

function ask(session: ClientHttp2Session, tally: Tally, lane: number): Promise<void> {
  const nonce = randomUUID();
  const body = Buffer.alloc(Math.random() < 0.5 ? 0 : size(), 117);
  return new Promise((resolve) => {
    const stream = session.request(
      { ':method': body.length > 0 ? 'POST' : 'GET', ':path': `/${lane}`, 'x-nonce': nonce },
      { endStream: body.length === 0 },
    );
    let text = '';
    let status = 0;
    let given = false;
    stream.on('response', (head) => {
      status = head[':status'] ?? 0;
    });
    stream.setEncoding('latin1').on('data', (piece: string) => {
      text += piece;
    });
    stream.on('error', () => {});
    stream.on('close', () => {
      resolve();
      if (given || session.destroyed) return;
      if (status === 200 && stream.rstCode === 0 && text.startsWith(`${nonce}:${body.length}:`))
        tally.answered++;
      else tally.wrong.push(`${status} ${stream.rstCode} ${text.slice(0, 60)} for ${nonce}:${body.length}`);
    });
    if (body.length > 0) stream.end(body);
    const dice = Math.random();
    if (dice < 0.03) {
      given = true;
      tally.reset++;
      setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), Math.random() * 20);
    } else if (dice < 0.06) {
      stream.pause();
      setTimeout(() => stream.resume(), 30);
    }
  });
}

function askOld(port: number, tally: Tally): Promise<void> {
  const nonce = randomUUID();
  return new Promise((resolve) => {
    const req = request(
      {
        host: '127.0.0.1',
        servername: host,
        port,
        headers: { 'x-nonce': nonce, host: `${host}:${port}` },
        rejectUnauthorized: false,
      },
      (res) => {
        let text = '';
        res.setEncoding('latin1').on('data', (piece: string) => {
          text += piece;
        });
        res.on('end', () => {
          if (text.startsWith(`${nonce}:0:`)) tally.answered++;
          else tally.wrong.push(`HTTP/1: ${text.slice(0, 60)}`);
          resolve();
        });
      },
    );
    req.on('error', (error) => {
      tally.wrong.push(`HTTP/1: ${error.message}`);
      resolve();
    });
    req.end();
  });
}
