/** The kernel rules that limit what the process connects to: their text, and the real nftables in a network namespace. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { parseConfig } from '../../src/config/load.ts';
import { calleesOf, egressRules, resolved } from '../../src/export/egress.ts';
import { Authority, type Issued } from '../support/ocsp.ts';
import { requirePeer, without } from '../support/peers.ts';
import { runProcess } from '../support/process.ts';

const config = parseConfig(
  `sites:
  - { hosts: [www.example.net], backends: [{ url: "http://127.0.0.1:8081" }, { url: "https://[2001:db8::1]" }] }
  - { hosts: [b.example.net], backend: "unix:/run/app.sock" }
  - { hosts: [c.example.net], backend: welcome }
smtp: { listen: "127.0.0.1:2525", backend: "127.0.0.1:10025", domains: [example.net] }
fleet: { valkey: "redis://192.0.2.6" }
listen: [{ address: "127.0.0.1:8443", tls: { acme: { terms: agreed, directory: "https://192.0.2.11:14000/dir" } } }]
acme: { secret: a-secret-of-thirty-two-characters }
otel: { endpoint: "http://192.0.2.7:4318/v1/traces", logs: "http://192.0.2.8:3100/otlp/v1/logs" }
alerts: { webhook: "https://192.0.2.8/hook", mail: { smarthost: "smtps://192.0.2.9", from: a@example.net, to: [b@example.net] }, syslog: "udp://192.0.2.10" }`,
  '.',
);

suite('the egress rules', () => {
  test('name exactly the services that the config makes the program connect to', () =>
    assert.deepEqual(
      calleesOf(config).map(({ what, host, port, protocol }) => `${what} ${host} ${protocol} ${port}`),
      [
        'sites[0].backend 127.0.0.1 tcp 8081',
        'sites[0].backend 2001:db8::1 tcp 443',
        'smtp.backend 127.0.0.1 tcp 10025',
        'acme.directory 192.0.2.11 tcp 14000',
        'fleet.valkey 192.0.2.6 tcp 6379',
        'otel.endpoint 192.0.2.7 tcp 4318',
        'otel.logs 192.0.2.8 tcp 3100',
        'alerts.webhook 192.0.2.8 tcp 443',
        'alerts.mail.smarthost 192.0.2.9 tcp 465',
        'alerts.syslog 192.0.2.10 udp 514',
      ],
    ));

  test('name the responder of each must-staple certificate, once', async (t) => {
    const authority = await Authority.create(t);
    const yaml = (issued: Issued[]): string => {
      const listed = issued.map(({ cert, key }) => `{ cert: "${cert}", key: "${key}" }`).join(', ');
      const site = 'sites: [{ hosts: [www.example.net], backend: welcome }]\n';
      const admin = `admin: { listen: "127.0.0.1:9090", token: 0123456789abcdef0123, tls: { certificatesOf: sites } }\n`;
      return `${site}${admin}listen: [{ address: "127.0.0.1:8443", tls: [${listed}] }]`;
    };
    const issue = (responder: string, staple: boolean) =>
      authority.issue('www.example.net', { responder, staple });
    const issued = [issue('http://192.0.2.20/a', true), issue('http://ocsp.example.net:8080/', true)];
    const found = calleesOf(parseConfig(yaml([...issued, issue('http://192.0.2.21/', false)]), '.'));
    assert.deepEqual(
      found.map(({ what, host, port, protocol }) => `${what} ${host} ${protocol} ${port}`),
      [
        'listen[0].tls: OCSP responder 192.0.2.20 tcp 80',
        'listen[0].tls: OCSP responder ocsp.example.net tcp 8080',
      ],
    );
  });

  test('name every node of a cluster and every Sentinel that the config names', () => {
    const of = (valkey: string) =>
      calleesOf(
        parseConfig(`sites: [{ hosts: [a.example], backend: welcome }]\nfleet: { valkey: "${valkey}" }`, '.'),
      ).map(({ host, port }) => `${host} ${port}`);
    assert.deepEqual(of('redis+cluster://a:b@192.0.2.6:7000,[2001:db8::6]'), [
      '192.0.2.6 7000',
      '2001:db8::6 6379',
    ]);
    assert.deepEqual(of('rediss+sentinel://192.0.2.6,192.0.2.7:5/gate'), ['192.0.2.6 26379', '192.0.2.7 5']);
  });

  test('allow a resolver only if there is a name to resolve', async () => {
    const by = async (host: string) =>
      (await resolved([{ what: 'a', host, port: 1, protocol: 'tcp' }])).map(({ what }) => what);
    assert.deepEqual(await by('192.0.2.1'), ['a']);
    assert.deepEqual(await by('localhost'), ['a', 'the resolver', 'the resolver']);
  });

  test('say which name could not be resolved', () => {
    const rules = egressRules([{ what: 'a', host: 'no.example', port: 1, protocol: 'tcp', addresses: [] }], {
      unit: 'sekisho.service',
    });
    assert.match(rules, /# {3}a: no\.example tcp 1: COULD NOT BE RESOLVED/);
    assert.match(rules, /socket cgroupv2 level 2 != "system\.slice\/sekisho\.service" accept/);
  });
});

const skip = process.getuid?.() === 0 ? without('nft', 'unshare', 'ip') : 'needs root: a network namespace';

test('the kernel stops a gateway patched to dial elsewhere, but not the real one', {
  skip,
}, async () => {
  const script = join(import.meta.dirname, 'egress-namespace.ts');
  const { code, stdout, stderr } = await runProcess(requirePeer('unshare'), ['-n', process.execPath, script]);
  assert.equal(code, 0, stderr);
  assert.deepEqual(JSON.parse(stdout), {
    patchedWithout: { status: 200, own: 0, elsewhere: 3 },
    plainWith: { status: 200, own: 3, elsewhere: 0, refused: 0 },
    patchedWith: { status: 502, own: 0, elsewhere: 0 },
    refused: true,
    logged: true,
  });
});
