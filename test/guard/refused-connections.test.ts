/** Connections after a refusal: errors on them do no harm, and they do not stay open. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { suite, type TestContext, test } from 'node:test';
import type { ProbeEvent } from '../../src/events/event.ts';
import { allowed, answerSocket, refuseSocket } from '../../src/guard/refusal.ts';
import { denied } from '../../src/judge.ts';
import { checkpointedServer } from '../support/checkpointed-server.ts';
import { eventually } from '../support/eventually.ts';
import { compiled } from '../support/policy.ts';
import { rawConnection } from '../support/raw-connection.ts';

/** Both sides of a connection without error listeners. */
async function connectionPair(t: TestContext) {
  const server = createServer({ allowHalfOpen: true });
  const accepted = once(server, 'connection');
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => server.close());
  const client = await rawConnection(t, (server.address() as AddressInfo).port);
  const [socket] = (await accepted) as [Socket];
  t.after(() => socket.destroy());
  return { client, socket };
}

const ways: Readonly<Record<string, (socket: Socket, answer: number | 'drop') => void>> = {
  answerSocket: (socket, answer) => answerSocket(socket, answer, 'framing'),
  refuseSocket: (socket, answer) => refuseSocket(socket, answer, 'connect', () => {}),
};

for (const [what, act] of Object.entries(ways))
  suite(what, () => {
    for (const answer of [403, 'drop'] as const)
      test(`${answer}: a reset by the client throws nothing`, async (t) => {
        const { socket } = await connectionPair(t);
        act(socket, answer);
        assert.ok(socket.emit('error', new Error('read ECONNRESET')));
      });

    test('drop: the connection is gone without an answer', async (t) => {
      const { client, socket } = await connectionPair(t);
      act(socket, 'drop');
      assert.equal(socket.destroyed, true);
      await client.ended;
      assert.equal(client.text(), '');
    });
  });

suite('a refused sender', () => {
  test('that wanted a tunnel and never ends is cut off, and its bytes are reported once', async (t) => {
    const { client, socket } = await connectionPair(t);
    const reports: string[] = [];
    refuseSocket(socket, 405, 'connect', (body) => reports.push(body));
    client.socket.write(Buffer.alloc(300 * 1024, 'x'));
    await eventually(() => reports.length > 0, 'what it sent is reported');
    assert.equal(socket.destroyed, true);
    assert.match(client.text(), /^(?:HTTP\/1\.1 405 |$)/);
    assert.deepEqual(reports, ['x'.repeat(8192)]);
  });

  test('that sends its body after the answer still gives evidence', async (t) => {
    const recorded = Promise.withResolvers<ProbeEvent>();
    const { port } = await checkpointedServer(t, undefined, { onEvent: recorded.resolve });
    const client = await rawConnection(t, port);
    // Or a slow machine could end the time for evidence before the body is there.
    t.mock.timers.enable({ apis: ['setTimeout'] });
    client.socket.write('POST / HTTP/1.1\r\nHost: www.example.com\r\nContent-Length: 5\r\n\r\n');
    await client.until(/^HTTP\/1\.1 421 [\s\S]*\r\n\r\n/);
    client.socket.end('probe');
    assert.match((await recorded.promise).bytes, /probe$/);
  });
});

test('a 405 offers the methods of a site that narrows them, and the usual ones of other sites', () => {
  const { policy } = compiled(
    `sites: [{ hosts: [a.example.net], backend: welcome, policy: { methods: [GET, HEAD] } }, { hosts: [b.example.net], backend: welcome }]`,
  );
  const site = (host: string) => policy.sites.find(host) ?? assert.fail(host);
  const refused = denied(policy);
  assert.deepEqual(allowed({ ...refused, answer: 405, site: site('a.example.net') }), ['Allow', 'GET, HEAD']);
  assert.deepEqual(allowed({ ...refused, answer: 405, site: site('b.example.net') }), []);
  assert.deepEqual(allowed({ ...refused, answer: 421, site: site('a.example.net') }), []);
  assert.deepEqual(allowed({ ...refused, answer: 405, site: null }), []);
});
