/** The log of probes under floods: its size is bounded, its counts are exact. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { mock, suite, test } from 'node:test';
import { pino } from 'pino';
import type { ProbeEvent } from '../../src/events/event.ts';
import { lineLimit, ProbeLog } from '../../src/events/probe-log.ts';
import { runGateway } from '../support/gateway.ts';
import { probeEventOf } from '../support/probe-events.ts';
import { exchange } from '../support/raw-client.ts';

interface Line {
  readonly event: string;
  readonly msg: string;
  readonly client: string;
  readonly more?: number;
  readonly bytes?: string;
}

function logOf() {
  const lines: string[] = [];
  const probes = new ProbeLog(pino({ base: null }, { write: (line: string) => lines.push(line) }));
  return {
    probes,
    lines,
    size: () => lines.reduce((sum, line) => sum + line.length, 0),
    read: (): Line[] => lines.map((line) => JSON.parse(line) as Line),
    /** Probes with a full line plus those only counted. */
    total: () => lines.reduce((sum, line) => sum + ((JSON.parse(line) as Line).more ?? 1), 0),
  };
}

/** An event of maximum length, in characters that JSON escapes. */
const longest = (more: Partial<ProbeEvent> = {}): ProbeEvent =>
  probeEventOf({
    bytes: '\\\\'.repeat(16_384),
    request: '\\'.repeat(1024),
    why: '"'.repeat(1024),
    destination: '"'.repeat(512),
    ...more,
  });

suite('the log of probes', () => {
  test('writes lines of at most 8 KiB, whatever was sent', () => {
    const { probes, lines, read } = logOf();
    probes.add(longest());
    probes.add(longest({ bytes: 'a'.repeat(20_000), request: 'GET', why: 'x', destination: null }));
    for (const line of lines) assert.ok(Buffer.byteLength(line) <= lineLimit, `${line.length} bytes`);
    assert.match(read()[1]!.bytes!, /^a{7000,} \[cut\]$/);
    assert.ok(lines[1]!.length > lineLimit - 500, 'as many bytes as fit');
  });

  test('writes a few lines and an exact count for 600 probes of one client and rule', () => {
    const { probes, size, read, total } = logOf();
    for (let i = 0; i < 600; i++) probes.add(longest({ rule: 'host-foreign' }));
    probes.flush();
    assert.equal(total(), 600);
    assert.ok(size() < 100_000, `${size()} bytes`);
    const last = read().at(-1)!;
    assert.equal(last.event, 'probes');
    assert.match(
      last.msg,
      /^relay probes blocked: 590 more of host-foreign from 198\.51\.100\.7 within a minute$/,
    );
  });

  test('starts a new count after a minute, and writes nothing without probes', () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      const { probes, read, total } = logOf();
      for (let i = 0; i < 30; i++) probes.add(probeEventOf());
      assert.equal(read().length, 10);
      mock.timers.tick(60_000);
      assert.equal(read().length, 11);
      probes.add(probeEventOf());
      mock.timers.tick(60_000);
      assert.equal(read().length, 12);
      assert.equal(total(), 31);
    } finally {
      mock.timers.reset();
    }
  });

  test('has separate limits per client and rule', () => {
    const { probes, read } = logOf();
    for (let i = 0; i < 500; i++) probes.add(probeEventOf());
    probes.add(probeEventOf({ client: '198.51.100.8' }));
    probes.add(probeEventOf({ rule: 'framing' }));
    assert.deepEqual(
      read()
        .slice(-2)
        .map(({ msg }) => msg.split('. ')[0]),
      ['relay probe blocked: connect from 198.51.100.8', 'relay probe blocked: framing from 198.51.100.7'],
    );
  });

  test('treats many addresses of one /64 as one client', () => {
    const { probes, read, total } = logOf();
    for (let i = 0; i < 500; i++) probes.add(probeEventOf({ client: `2001:db8::${i.toString(16)}` }));
    probes.flush();
    assert.equal(read().length, 11);
    assert.equal(read().at(-1)!.client, '2001:db8::/64');
    assert.equal(total(), 500);
  });

  test('stays bounded in a flood from very many clients', () => {
    const { probes, size, total } = logOf();
    for (let i = 0; i < 20_000; i++)
      probes.add(
        longest({ client: `198.18.${(i >> 8) & 255}.${i & 255}`, rule: i % 2 ? 'connect' : 'socks5' }),
      );
    probes.flush();
    assert.equal(total(), 20_000);
    assert.ok(size() < 3 * 1024 * 1024, `${size()} bytes`);
  });

  test('is flushed when the gateway closes', async (t) => {
    const { port, gateway, log } = await runGateway(
      t,
      'sites: [{ hosts: [www.example.net], backend: "http://127.0.0.1:1" }]',
    );
    for (let i = 0; i < 12; i++) await exchange(port, 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n');
    await gateway.close(0);
    assert.match(
      log.at(-1)!,
      /"more":2,"msg":"relay probes blocked: 2 more of connect from 127\.0\.0\.1 within a minute"/,
    );
  });

  test('has a probe whose evidence is still being collected when the gateway closes', async (t) => {
    const { port, gateway, log } = await runGateway(
      t,
      'sites: [{ hosts: [www.example.net], backend: "http://127.0.0.1:1" }]',
    );
    // The client neither reads nor closes, so the collection of evidence continues.
    const sender = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    sender.on('error', () => {});
    t.after(() => sender.destroy());
    sender.write('CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 100\r\n\r\nabc');
    await once(sender, 'readable');
    await gateway.close(0);
    assert.match(log.at(-1)!, /"msg":"relay probe blocked: connect from 127\.0\.0\.1/);
  });
});
