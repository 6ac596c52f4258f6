/** Expectations and the application's own listeners for them: the checkpoint judges first. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { checkpointedServer } from '../support/checkpointed-server.ts';
import { exchange } from '../support/raw-client.ts';

suite('a request with Expect', () => {
  for (const [event, expect] of [
    ['checkContinue', '100-continue'],
    ['checkExpectation', 'something-else'],
  ] as const)
    test(`${event} reaches the application's listener only after the verdict`, async (t) => {
      const { server, port } = await checkpointedServer(t, (_, res) => void res.end('not by the listener'));
      server.on(event, (_, res) => res.end('by the listener'));
      const ask = async (host: string) => {
        const request = `POST / HTTP/1.1\r\nHost: ${host}\r\nExpect: ${expect}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
        const { responses } = await exchange(port, request);
        return `${responses[0]?.status} ${responses[0]?.body}`;
      };
      assert.equal(await ask('www.example.net'), '200 by the listener');
      assert.match(await ask('www.example.com'), /^421 /);
    });
});
