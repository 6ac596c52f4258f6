/** Current kinds of probes at the real gateway: plain, over TLS, over HTTP/2, and by TLS server name. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type ConnectionOptions, connect } from 'node:tls';
import type { ProbeEvent } from '../../src/events/event.ts';
import { http2Kinds, type Kind, kinds, neighbours, rowOf, tlsKinds } from '../corpus/today.ts';
import { headers, RawHttp2 } from '../http2/raw-http2.ts';
import { certificate } from '../support/certificate.ts';
import { corpusConfig, runGateway } from '../support/gateway.ts';
import { exchange } from '../support/raw-client.ts';
import { recordingBackend } from '../support/recording-backend.ts';

const owner = { after };
const backend = await recordingBackend(owner);
const { cert, key } = await certificate(owner, ['www.example.net']);
const gateway = await runGateway(
  owner,
  corpusConfig(backend.url),
  `listen: ["127.0.0.1:0", { address: "127.0.0.1:0", tls: { cert: ${cert}, key: ${key} } }]\n`,
);
const [plain, secure] = gateway.gateway.listeners.map((name) => Number(name.split(':').at(-1))) as [
  number,
  number,
];

async function eventBehind(action: () => Promise<unknown>): Promise<ProbeEvent | undefined> {
  const before = gateway.events.length;
  await action();
  for (let i = 0; i < 200 && gateway.events.length === before; i++) await delay(10);
  return gateway.events[before];
}

const told = (event: ProbeEvent | undefined, answer: Kind['answer']) =>
  event && { rule: event.rule, intent: event.intent, answer, counts: event.counts };

suite('current kinds of probes', () => {
  test('are at least 140, each once, beside 120 harmless neighbours', () => {
    const ids = [
      ...kinds.map(({ row }) => row),
      ...http2Kinds.map(({ id }) => id),
      ...tlsKinds.map(([name]) => name),
    ];
    assert.equal(new Set(ids).size, ids.length);
    assert.ok(ids.length >= 140, `${ids.length}`);
    assert.ok(neighbours.length >= 120, `${neighbours.length}`);
  });

  for (const [where, port, tls] of [
    ['plain', plain, undefined],
    ['over TLS', secure, { servername: 'www.example.net', ALPNProtocols: ['http/1.1'] }],
  ] as const)
    for (const kind of kinds) {
      const { row, ...expected } = kind;
      // Within TLS, a preface without ALPN and a second TLS hello are recognised too.
      test(`${row}, ${where}`, async () => {
        let status: Kind['answer'] = 'drop';
        const event = await eventBehind(async () => {
          const { responses } = await exchange(port, rowOf(kind).bytes, {
            until: expected.answer === 'passed' ? 1 : 'close',
            timeout: 4000,
            ...(tls && { tls: { ...tls, ALPNProtocols: [...tls.ALPNProtocols] } }),
          });
          const final = responses.find((response) => response.status !== 100)?.status;
          if (final !== undefined) status = final === 200 ? 'passed' : final;
        });
        assert.deepEqual(told(event, status), expected);
      });
    }

  for (const [row, protocol] of [
    ['today-ssh-of-a-library', 'ssh'],
    ['not-http-turn-allocate', 'turn'],
    ['socks4-bind', 'socks4'],
    ['smtp-ehlo', 'smtp'],
    ['tls-client-hello', 'tls'],
    ['not-http-noise-as-of-shadowsocks', 'unknown'],
    ['connect-web', 'http/1.1'],
  ] as const)
    test(`the event of ${row} names the protocol ${protocol}`, async () => {
      const kind = kinds.find((one) => one.row === row)!;
      const event = await eventBehind(() => exchange(plain, rowOf(kind).bytes, { timeout: 4000 }));
      assert.equal(event?.protocol, protocol);
    });

  for (const { id, fields, ...expected } of http2Kinds)
    test(id, async () => {
      let status = '';
      const event = await eventBehind(async () => {
        const client = await RawHttp2.open(secure);
        client.send(headers(1, fields));
        status = await client.fate(1);
        client.destroy();
      });
      assert.deepEqual(told(event, Number(status)), expected);
    });

  for (const [name, intent] of tlsKinds)
    test(`TLS for ${name}`, async () => {
      const event = await eventBehind(async () => {
        const options = { port: secure, host: '127.0.0.1', servername: name, rejectUnauthorized: false };
        const socket = connect(options as unknown as ConnectionOptions);
        socket.on('error', () => {});
        await once(socket, 'session', { signal: AbortSignal.timeout(20_000) });
        socket.destroy();
      });
      assert.deepEqual(told(event, 'passed'), {
        rule: 'sni-foreign',
        intent,
        answer: 'passed',
        counts: false,
      });
    });
});
