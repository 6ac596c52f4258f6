/** Expectations and the application's own listeners for them: the checkpoint judges first. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite, test } from 'node:test';
import { ServerCheckpoint } from '../../src/guard/server-checkpoint.ts';
import { corpusPolicy } from '../support/policy.ts';
import { exchange } from '../support/raw-client.ts';

const { policy, clients } = corpusPolicy();

suite('a request with Expect', () => {
  for (const [event, expect] of [
    ['checkContinue', '100-continue'],
    ['checkExpectation', 'something-else'],
  ] as const)
    test(`${event} reaches the application's listener only after the verdict`, async (t) => {
      const server = createServer((_, res) => res.end('not by the listener'));
      server.on(event, (_, res) => res.end('by the listener'));
      const onError = (error: unknown): never => assert.fail(String(error));
      new ServerCheckpoint({ policy, clients, onEvent: () => {}, onError }).attach(server);
      await once(server.listen(0, '127.0.0.1'), 'listening');
      t.after(() => server.close());
      const ask = async (host: string) => {
        const request = `POST / HTTP/1.1\r\nHost: ${host}\r\nExpect: ${expect}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
        const { responses } = await exchange((server.address() as AddressInfo).port, request);
        return `${responses[0]?.status} ${responses[0]?.body}`;
      };
      assert.equal(await ask('www.example.net'), '200 by the listener');
      assert.match(await ask('www.example.com'), /^421 /);
    });
});
