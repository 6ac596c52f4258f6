/** The probes that the gateway was built for, at the ports they are sent to. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { suite, test } from 'node:test';
import { seeds } from '../corpus/seeds.ts';
import { corpusConfig, runGateway } from '../support/gateway.ts';
import { exchange } from '../support/raw-client.ts';
import { recordingBackend } from '../support/recording-backend.ts';

/** Why the port is not available, or false. */
async function taken(port: number): Promise<string | false> {
  const server = createServer();
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening');
  } catch (error) {
    return `port ${port} cannot be had: ${(error as Error).message}`;
  }
  server.close();
  await once(server, 'close');
  return false;
}

suite('the seed requests', () => {
  for (const port of [8080, 80])
    test(`at port ${port}`, async (t) => {
      const reason = await taken(port);
      if (reason !== false) {
        t.skip(reason);
        return;
      }
      const backend = await recordingBackend(t);
      const gateway = await runGateway(t, corpusConfig(backend.url), `listen: ["127.0.0.1:${port}"]\n`);
      for (const { id, bytes, expect } of seeds) {
        const before = { requests: backend.requests.length, events: gateway.events.length };
        const reply = await exchange(port, bytes, { until: 1 });
        const [response] = reply.responses;
        if (expect.verdict === 'block') {
          assert.equal(response?.status, expect.answer, id);
          assert.equal(backend.requests.length, before.requests, id);
          for (let i = 0; i < 300 && gateway.events.length === before.events; i++)
            await new Promise((done) => setTimeout(done, 10));
          const event = gateway.events[before.events];
          assert.deepEqual([event?.rule, event?.intent], [expect.rule, expect.intent], id);
          assert.match(
            gateway.log.join('\n'),
            new RegExp(`relay probe blocked: ${expect.rule} from 127\\.0\\.0\\.1\\.`),
            id,
          );
        } else {
          assert.equal(response?.status, 200, id);
          assert.equal(backend.requests[before.requests]?.requestLine, expect.backend.line, id);
        }
      }
    });
});
