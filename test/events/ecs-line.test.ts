/** `log.format: ecs`: every field is in the Elastic Common Schema 9.4, with a value of its type, or is prefixed `sekisho.`. */
import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { suite, test } from 'node:test';
import { ecsLine } from '../../src/events/ecs-line.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { exchange } from '../support/raw-client.ts';

const text = (value: unknown): boolean => typeof value === 'string';
const texts = (value: unknown): boolean => Array.isArray(value) && value.every(text);
const whole = (value: unknown): boolean => Number.isSafeInteger(value);
const among =
  (...words: string[]) =>
  (value: unknown): boolean =>
    [value].flat().every((one) => words.includes(one as string));

/** The types of the schema (keyword, text, long, ip, date) and its allowed values. */
const names: Readonly<Record<string, (value: unknown) => boolean>> = {
  '@timestamp': (value) => text(value) && !Number.isNaN(Date.parse(value as string)),
  'log.level': text,
  message: text,
  'ecs.version': (value) => value === '9.4.0',
  'service.name': text,
  'event.module': text,
  'event.dataset': text,
  'event.kind': among('alert', 'event'),
  'event.category': among('intrusion_detection', 'network', 'web', 'email', 'configuration'),
  'event.type': among('denied', 'allowed', 'access', 'info', 'change'),
  'event.action': text,
  'event.reason': text,
  'event.original': text,
  'event.outcome': among('success', 'failure', 'unknown'),
  'event.duration': whole,
  'error.type': text,
  'error.message': text,
  'error.stack_trace': text,
  'rule.id': text,
  'rule.name': text,
  'rule.category': text,
  'source.address': text,
  'source.ip': (value) => isIP(value as string) !== 0,
  'source.port': whole,
  'destination.address': text,
  'destination.ip': (value) => isIP(value as string) !== 0,
  'destination.port': whole,
  'network.transport': text,
  'network.protocol': text,
  'http.version': text,
  'http.request.method': text,
  'http.request.referrer': text,
  'http.response.status_code': whole,
  'http.response.body.bytes': whole,
  'url.original': text,
  'user_agent.original': text,
  'user.name': text,
  'tls.client.server_name': text,
  'email.from.address': texts,
  'email.to.address': texts,
};

type Document = Readonly<Record<string, unknown>>;

function checked(line: string): Document {
  const document = JSON.parse(line) as Document;
  for (const [name, value] of Object.entries(document)) {
    if (name.startsWith('sekisho.')) continue;
    assert.ok(names[name]?.(value), `${name}: ${JSON.stringify(value)}`);
  }
  return document;
}

/** @param entry as pino writes it */
const documentOf = (entry: object): Document =>
  checked(ecsLine(JSON.stringify({ level: 30, time: '2026-01-31T12:00:00.000Z', msg: 'words', ...entry })));

suite('a log in ECS format', () => {
  test('of the real program: a probe, its ban, a forwarded request and a reload', async (t) => {
    const { port, process: child } = await startGatewayProcess(
      t,
      'sites: [{ hosts: [www.example.net], backend: welcome }]\njournal: false\nbans: { after: 1 }\ntrustedProxies: [127.0.0.1]\nlog: { format: ecs, access: json }',
    );
    const page =
      'GET /page?q=1 HTTP/1.1\r\nHost: www.example.net\r\nX-Forwarded-For: 192.0.2.1\r\nUser-Agent: agent/1\r\nReferer: http://www.example.net/\r\n\r\n';
    await exchange(port, page, { until: 1 });
    await exchange(
      port,
      'CONNECT mx.example.com:25 HTTP/1.1\r\nHost: mx.example.com:25\r\nX-Forwarded-For: 198.51.100.7\r\n\r\n',
      { until: 1 },
    );
    child.signal('SIGHUP');
    while (!child.stderr().includes('sekisho.reload')) await new Promise((done) => setTimeout(done, 20));
    const documents = child.stderr().trim().split('\n').map(checked);
    const of = (name: string): Document =>
      documents.find((one) => one['event.dataset'] === `sekisho.${name}`)!;
    const { '@timestamp': _time, message, ...probe } = of('probe');
    assert.match(String(message), /^relay probe blocked: connect from 198\.51\.100\.7\. /);
    assert.equal(probe['rule.id'], 'connect');
    assert.equal(probe['source.ip'], '198.51.100.7');
    assert.equal(probe['destination.ip'], '127.0.0.1');
    assert.equal(probe['destination.port'], port);
    assert.equal(probe['http.response.status_code'], 405);
    assert.deepEqual(probe['event.type'], ['denied']);
    assert.equal(probe['rule.category'], 'mail-relay');
    assert.equal(probe['sekisho.destination'], 'mx.example.com:25');
    assert.match(String(probe['event.original']), /^CONNECT mx\.example\.com:25 HTTP\/1\.1\\r\\n/);
    const access = of('access');
    assert.equal(access['url.original'], '/page?q=1');
    assert.equal(access['user_agent.original'], 'agent/1');
    assert.equal(access['http.version'], '1.1');
    assert.equal(access['event.outcome'], 'success');
    assert.equal(of('ban')['source.ip'], '198.51.100.7');
    assert.deepEqual(of('reload')['event.category'], ['configuration']);
  });

  test('of a mail, a banned prefix, a count of several clients, and an error', () => {
    const mail = {
      event: 'mail',
      client: '192.0.2.1',
      account: 'alice',
      from: 'a@example.net',
      to: ['b@example.net'],
    };
    assert.deepEqual(documentOf(mail)['email.to.address'], ['b@example.net']);
    assert.equal(documentOf(mail)['user.name'], 'alice');
    assert.equal(documentOf({ ...mail, account: null })['user.name'], undefined);
    assert.equal(documentOf({ event: 'ban', prefix: '2001:db8::/64' })['source.address'], '2001:db8::/64');
    assert.equal(documentOf({ event: 'ban', prefix: '192.0.2.1/32' })['source.ip'], '192.0.2.1');
    const count = documentOf({
      event: 'probes',
      action: 'flag',
      client: 'several clients',
      rule: 'connect',
      more: 7,
    });
    assert.equal(count['sekisho.more'], 7);
    assert.deepEqual(count['event.type'], ['allowed']);
    const error = documentOf({ level: 50, err: { type: 'Error', message: 'no', stack: 'Error: no\n at' } });
    assert.deepEqual(
      [error['log.level'], error['error.message'], error['event.dataset']],
      ['error', 'no', 'sekisho.log'],
    );
    // An SMTP reply code is not an HTTP status.
    const smtp = documentOf({
      event: 'probe',
      action: 'block',
      rule: 'smtp-foreign-recipient',
      protocol: 'smtp',
      answer: 550,
      client: '::1',
    });
    assert.equal(smtp['http.response.status_code'], undefined);
    assert.equal(smtp['sekisho.answer'], 550);
    assert.equal(smtp['network.protocol'], 'smtp');
  });
});
