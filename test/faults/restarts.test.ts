/** Web servers restarted under load. */
import assert from 'node:assert/strict';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { plainApache } from '../support/apache.ts';
import { eventually } from '../support/eventually.ts';
import { runGateway } from '../support/gateway.ts';
import { plainNginx } from '../support/nginx.ts';
import { requirePeer, without } from '../support/peers.ts';
import { startProcess } from '../support/process.ts';

interface Load {
  /** Answers by status; `whole`: how many of the 200 had exactly the page. */
  readonly statuses: Map<number, number>;
  whole: number;
  stop(): Promise<void>;
}

/** Eight clients that request pages one after the other on kept connections. */
function load(port: number, page: Buffer): Load {
  const statuses = new Map<number, number>();
  let going = true;
  const clients = Array.from({ length: 8 }, async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (going) {
      await new Promise<void>((done) => {
        get(
          { port, host: '127.0.0.1', agent, path: '/1k.txt', headers: { Host: 'www.example.net' } },
          (res) => {
            const parts: Buffer[] = [];
            res.on('data', (part: Buffer) => parts.push(part));
            res.on('close', () => {
              const status = res.complete ? res.statusCode! : 0;
              statuses.set(status, (statuses.get(status) ?? 0) + 1);
              if (status === 200 && Buffer.concat(parts).equals(page)) result.whole++;
              done();
            });
            res.on('error', () => {});
          },
        ).on('error', () => {
          statuses.set(0, (statuses.get(0) ?? 0) + 1);
          done();
        });
      });
      await delay(1);
    }
    agent.destroy();
  });
  const result: Load = {
    statuses,
    whole: 0,
    stop: async () => {
      going = false;
      await Promise.all(clients);
    },
  };
  return result;
}

for (const [name, start, args] of [
  [
    'nginx',
    plainNginx,
    (dir: string) => ['-p', `${dir}/`, '-c', join(dir, 'nginx.conf'), '-e', join(dir, 'error.log')],
  ],
  ['apache2', plainApache, (dir: string) => ['-d', dir, '-f', join(dir, 'apache2.conf'), '-DFOREGROUND']],
] as const) {
  suite(name, { skip: without(name) }, () => {
    test('restarted repeatedly under load: every 200 is complete, and every failure has an answer', async (t) => {
      const server = await start(t);
      const page = server.pages.get('/1k.txt')!;
      const gateway = await runGateway(
        t,
        `sites: [{ hosts: [www.example.net], backend: "${server.url}" }]\nrateLimit: false\n`,
      );
      const clients = load(gateway.port, page);
      for (let i = 0; i < 5; i++) {
        await delay(200);
        // nginx: new workers, the old ones finish their requests. Apache: the children are killed.
        server.process.signal('SIGHUP');
      }
      await delay(500);
      await server.process.stop();
      await eventually(
        () => (clients.statuses.get(502) ?? 0) > 0,
        'requests get 502 while the server is down',
      );
      await startProcess(t, requirePeer(name), args(server.dir));
      const before = clients.whole;
      await eventually(() => clients.whole > before + 20, 'it is used again', 10_000);
      await clients.stop();
      const { statuses } = clients;
      t.diagnostic(`${name}: ${JSON.stringify(Object.fromEntries(statuses))}`);
      assert.equal(clients.whole, statuses.get(200), 'every 200 is the page');
      assert.deepEqual(
        [...statuses.keys()].filter((status) => ![0, 200, 502, 503].includes(status)),
        [],
      );
      assert.ok((statuses.get(0) ?? 0) <= 8 * 6, 'only an answer under way can be cut');
    });
  });
}
