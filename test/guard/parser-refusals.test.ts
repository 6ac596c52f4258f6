/** What only Node's parser refuses is not a probe: it is recorded, and never counts towards a ban. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite, test } from 'node:test';
import type { ProbeEvent } from '../../src/events/event.ts';
import { ServerCheckpoint } from '../../src/guard/server-checkpoint.ts';
import { corpusPolicy } from '../support/policy.ts';
import { exchange } from '../support/raw-client.ts';

suite("a request that other servers accept and Node's parser refuses", () => {
  for (const [what, bytes, counts] of [
    ['raw UTF-8 in a path', 'GET /caf\xc3\xa9 HTTP/1.1\r\nHost: www.example.net\r\n\r\n', false],
    ['a method of DeltaV', 'BASELINE-CONTROL /a HTTP/1.1\r\nHost: www.example.net\r\n\r\n', false],
    [
      'two lengths',
      'GET / HTTP/1.1\r\nHost: www.example.net\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      true,
    ],
  ] as const)
    test(`${what} ${counts ? 'counts' : 'does not count'}`, async (t) => {
      const events: ProbeEvent[] = [];
      const { policy, clients } = corpusPolicy();
      const server = createServer((_, res) => res.end('served'));
      new ServerCheckpoint({
        policy,
        clients,
        onEvent: (event) => events.push(event),
        onError: (error) => assert.fail(String(error)),
      }).attach(server);
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      t.after(() => server.close());
      const { text } = await exchange((server.address() as AddressInfo).port, bytes);
      assert.match(text, /^HTTP\/1\.1 400 /);
      assert.deepEqual(
        events.map(({ rule, counts }) => [rule, counts]),
        [['framing', counts]],
      );
    });
});
