/** Every row of the corpus, byte for byte, through the real gateway to a recording backend. */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { ProbeEvent } from '../../src/events/event.ts';
import { corpus } from '../corpus/corpus.ts';
import type { CorpusRow, Refused, Served } from '../corpus/row.ts';
import { allowedAddress, corpusConfig, runGateway, trustedAddress } from '../support/gateway.ts';
import { exchange, type RawReply } from '../support/raw-client.ts';
import { type RecordedRequest, recordingBackend } from '../support/recording-backend.ts';

const owner = { after };
const backend = await recordingBackend(owner, {
  // A WebSocket handshake gets its 101, so that the row does not wait.
  answer: ({ headerLines }) =>
    headerLines.some((line) => /^upgrade: websocket$/i.test(line))
      ? 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
      : 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok',
});
const gateway = await runGateway(owner, corpusConfig(backend.url));
const from = { trusted: trustedAddress, 'allow-listed': allowedAddress } as const;

async function send(row: CorpusRow, until: 'close' | number): Promise<RawReply> {
  const options = row.client === undefined ? {} : { from: from[row.client] };
  return exchange(gateway.port, row.bytes, { until, timeout: 20_000, ...options });
}

/** The event of a refused row; it comes after the answer, since the body is collected first. */
async function eventAfter(count: number): Promise<ProbeEvent | undefined> {
  for (let i = 0; i < 150 && gateway.events.length === count; i++) await delay(10);
  return gateway.events[count];
}

async function checkServed(row: CorpusRow, expect: Served): Promise<void> {
  const before = { requests: backend.requests.length, events: gateway.events.length };
  const reply = await send(row, 1);
  const status = reply.responses.find((response) => response.status !== 100)?.status;
  assert.ok(status === 200 || status === 101, `answered ${status}: ${reply.text.slice(0, 200)}`);
  const seen = backend.requests.slice(before.requests);
  assert.equal(seen.length, 1, 'the backend sees one request');
  checkBackend(seen[0]!, expect, row.client === undefined ? '127.0.0.1' : from[row.client]);
  const events = gateway.events.slice(before.events);
  assert.deepEqual(
    events.map(({ action, rule }) => [action, rule]),
    expect.verdict === 'flag' ? [['flag', expect.rule]] : [],
  );
}

function checkBackend(request: RecordedRequest, { backend: must }: Served, peer: string): void {
  const headers = new Map<string, string[]>();
  for (const line of request.headerLines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), line.slice(colon + 1).trim()]);
  }
  assert.equal(request.requestLine, must.line);
  assert.deepEqual(headers.get('host'), [must.host]);
  for (const [name, value] of Object.entries(must.has ?? {})) {
    // Rows are written for a peer at 127.0.0.1.
    const expected = name === 'x-forwarded-for' ? value.replace(/127\.0\.0\.1$/, peer) : value;
    assert.deepEqual(headers.get(name), [expected], name);
  }
  for (const name of must.lacks ?? [])
    assert.equal(headers.has(name), false, `${name} must not be forwarded`);
  if (must.body !== undefined) assert.equal(request.body.toString('latin1'), must.body);
}

async function checkRefused(row: CorpusRow, expect: Refused): Promise<void> {
  const before = { requests: backend.requests.length, events: gateway.events.length };
  const reply = await send(row, 'close');
  assert.equal(backend.requests.length, before.requests, 'nothing reaches the backend');
  assert.notEqual(reply.ended, 'timeout', 'the connection is closed');
  if (expect.answer === 'drop') assert.equal(reply.text, '');
  else assert.equal(reply.responses[0]?.status, expect.answer, reply.text.slice(0, 200));
  assert.ok(reply.responses.length <= 1, 'one answer');
  assert.doesNotMatch(reply.text, /ftp|ssh|smtp|pop3|imap/i);
  const event = await eventAfter(before.events);
  assert.ok(event !== undefined, 'it is recorded');
  assert.equal(event.action, 'block');
  assert.equal(event.rule, expect.rule);
  for (const rule of expect.rules ?? [])
    assert.ok(event.rules.includes(rule), `${rule} among ${event.rules}`);
  if (expect.intent !== undefined) assert.equal(event.intent, expect.intent);
  if (expect.destination !== undefined) assert.equal(event.destination, expect.destination);
  assert.equal(gateway.events.length, before.events + 1, 'it is recorded once');
}

suite('the corpus through the gateway', () => {
  for (const row of corpus) {
    test(row.id, async () => {
      const { expect } = row;
      if (expect.verdict === 'block') await checkRefused(row, expect);
      else await checkServed(row, expect);
    });
  }

  test('the backend never got a malformed request', () => {
    assert.deepEqual(backend.faults, []);
  });
});
