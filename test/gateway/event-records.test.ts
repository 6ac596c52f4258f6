/** `otel.logs`: events at a collector that checks each message against the protocol, OTLP 1.x over HTTP in JSON. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite, test } from 'node:test';
import { foreign, runCheckpoint } from '../support/checkpoint.ts';
import { eventually } from '../support/eventually.ts';
import type { Owner } from '../support/owner.ts';

type Value = { stringValue?: string; intValue?: number; arrayValue?: { values: Value[] } };
interface Attribute {
  readonly key: string;
  readonly value: Value;
}
interface LogRecord {
  readonly timeUnixNano: string;
  readonly observedTimeUnixNano: string;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly body: Value;
  readonly eventName: string;
  readonly attributes: readonly Attribute[];
}

interface Collector {
  readonly url: string;
  readonly records: LogRecord[];
  readonly resource: Record<string, unknown>;
  /** Its answer from now on. */
  status: number;
  asked: number;
}

const plain = ({ stringValue, intValue, arrayValue }: Value): unknown =>
  arrayValue === undefined ? (stringValue ?? Number(intValue)) : arrayValue.values.map(plain);
const mapOf = (attributes: readonly Attribute[]): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, plain(value)]));

/** By opentelemetry-proto, `ExportLogsServiceRequest` in the JSON mapping of the specification of OTLP. */
function read(body: string): { resource: Record<string, unknown>; records: LogRecord[] } {
  const request = JSON.parse(body);
  assert.deepEqual(Object.keys(request), ['resourceLogs']);
  const [{ resource, scopeLogs }] = request.resourceLogs;
  const records = scopeLogs.flatMap(({ scope, logRecords }: { scope: object; logRecords: LogRecord[] }) => {
    assert.deepEqual((scope as { name: string }).name, 'sekisho');
    return logRecords;
  });
  for (const record of records) {
    // 64-bit times are decimal strings in nanoseconds; severities are those of the enumeration.
    assert.match(record.timeUnixNano, /^1\d{18}$/);
    assert.match(record.observedTimeUnixNano, /^1\d{18}$/);
    assert.ok(record.severityNumber >= 1 && record.severityNumber <= 24);
    assert.equal(typeof record.body.stringValue, 'string');
    for (const { key, value } of record.attributes) {
      assert.equal(typeof key, 'string');
      assert.equal(Object.keys(value).length, 1, key);
      assert.ok(['stringValue', 'intValue', 'arrayValue'].includes(Object.keys(value)[0]!), key);
    }
    assert.equal(new Set(record.attributes.map((one: Attribute) => one.key)).size, record.attributes.length);
  }
  return { resource: mapOf(resource.attributes), records };
}

async function collect(owner: Owner): Promise<Collector> {
  const server = createServer(async (req, res) => {
    let body = '';
    for await (const chunk of req.setEncoding('utf8')) body += chunk;
    collector.asked++;
    try {
      assert.equal(req.method, 'POST');
      assert.equal(req.url, '/v1/logs');
      assert.equal(req.headers['content-type'], 'application/json');
      const { resource, records } = read(body);
      if (collector.status === 200) collector.records.push(...records);
      Object.assign(collector.resource, resource);
      res.writeHead(collector.status, { 'content-type': 'application/json' }).end('{"partialSuccess":{}}');
    } catch (error) {
      faults.push(error as Error);
      res.writeHead(400).end();
    }
  });
  const faults: Error[] = [];
  await once(server.listen(0, '127.0.0.1'), 'listening');
  owner.after(() => {
    server.closeAllConnections();
    server.close();
    assert.deepEqual(faults, []);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/logs`;
  const collector: Collector = { url, records: [], resource: {}, status: 200, asked: 0 };
  return collector;
}

suite('events as OpenTelemetry logs', () => {
  test('reach a collector with all their facts, bans too', async (t) => {
    const collector = await collect(t);
    const { probe, clients } = await runCheckpoint(
      t,
      `otel: { endpoint: "${collector.url.replace('/logs', '/traces')}", logs: true, sample: 0 }\nalerts: { name: gate-1, syslog: "udp://127.0.0.1:9" }\n`,
    );
    const before = Date.now();
    await probe(
      'CONNECT mx.example.com:25 HTTP/1.1\r\nHost: mx.example.com:25\r\nCookie: a=secret\r\n\r\n',
      '127.0.0.8',
    );
    await probe(foreign(), '127.0.0.9');
    await probe(foreign(), '127.0.0.9');
    clients.bans!.ledger.add({ prefix: '127.0.0.9', reason: 'by hand' });
    await eventually(() => collector.records.length === 3, 'two rows of events and a ban');
    assert.equal(collector.resource['service.name'], 'sekisho');
    assert.equal(collector.resource['service.instance.id'], 'gate-1');
    const named = (name: string) => collector.records.filter(({ eventName }) => eventName === name);
    const [connect, page] = named('sekisho.probe');
    assert.ok(Math.abs(Number(connect!.timeUnixNano) / 1e6 - before) < 60_000);
    assert.deepEqual([connect!.severityNumber, connect!.severityText], [13, 'WARN']);
    assert.match(connect!.body.stringValue!, /^relay probe blocked: connect from 127\.0\.0\.8\. /);
    const { 'sekisho.bytes': bytes, 'client.port': port, ...facts } = mapOf(connect!.attributes);
    assert.match(String(bytes), /^CONNECT mx\.example\.com:25 HTTP\/1\.1\\r\\n.*Cookie: \[redacted\]/);
    assert.ok(Number(port) > 0);
    assert.deepEqual(
      [facts['client.address'], facts['sekisho.rule'], facts['sekisho.rules'], facts['sekisho.intent']],
      ['127.0.0.8', 'connect', ['connect'], 'mail-relay'],
    );
    assert.deepEqual(
      [facts['http.response.status_code'], facts['network.protocol.name'], facts['network.protocol.version']],
      [405, 'http', '1.1'],
    );
    assert.equal(facts['sekisho.destination'], 'mx.example.com:25');
    assert.equal(mapOf(page!.attributes)['sekisho.count'], 2);
    assert.match(named('sekisho.ban')[0]!.body.stringValue!, /^banned 127\.0\.0\.9\/32: by hand$/);
  });

  test('wait while the collector is unreachable; rejected ones are counted as lost', async (t) => {
    const collector = await collect(t);
    collector.status = 404;
    const { probe, log, get } = await runCheckpoint(t, `otel: { logs: "${collector.url}", sample: 0 }\n`);
    const told = (part: string): boolean => log.some((line) => line.includes(part));
    await probe(foreign());
    await eventually(() => told('does not accept events'), 'the failure is logged');
    collector.status = 200;
    await eventually(() => collector.records.length === 1, 'it is sent again', 15_000);
    await eventually(() => told('accepts events again'), 'its end is logged');
    collector.status = 400;
    const { asked } = collector;
    await probe(foreign());
    await eventually(() => collector.asked > asked, 'it is sent once more');
    const metrics = async () => (await get('/metrics')).text();
    await eventually(async () => /^sekisho_otel_logs_lost_total 1$/m.test(await metrics()), 'it is counted');
    assert.match(await metrics(), /^sekisho_otel_logs_total 1$/m);
  });
});
