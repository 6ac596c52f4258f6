/** What only Node's parser refuses is not a probe: it is recorded, and never counts towards a ban. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { checkpointedServer } from '../support/checkpointed-server.ts';
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
      const { port, events } = await checkpointedServer(t);
      const { text } = await exchange(port, bytes);
      assert.match(text, /^HTTP\/1\.1 400 /);
      assert.deepEqual(
        events.map(({ rule, counts }) => [rule, counts]),
        [['framing', counts]],
      );
    });
});
