/** A relay is never called closed: where relaying cannot be proven, the audit says that it is inconclusive. */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import type { Socket } from 'node:net';
import { describe, test } from 'node:test';
import { audit } from '../../src/audit/audit.ts';
import { Canary } from '../../src/audit/canary.ts';
import type { Finding } from '../../src/audit/finding.ts';
import { exitCode } from '../../src/audit/verdict.ts';
import { startApache } from '../support/apache.ts';
import { auditPort } from '../support/audit-port.ts';
import { startNginx } from '../support/nginx.ts';
import type { Owner } from '../support/owner.ts';
import { without } from '../support/peers.ts';
import { scriptedServer } from '../support/scripted-server.ts';
import { apache, nginx } from './set-up-servers.ts';

const remarks = { untested: [], slow: [], unheardPorts: [], paths: true };
const root = process.getuid?.() === 0 ? false : 'needs root: it listens on port 80 of a loopback address';
const ownAddress = () => `127.${randomInt(64, 128)}.${randomInt(256)}.${randomInt(1, 255)}`;

/** An audit whose canary listens only on its own port, as without root. */
async function unprivilegedAudit(owner: Owner, port: number, host = ownAddress()): Promise<Finding[]> {
  const canary = await Canary.open({ listen: host });
  owner.after(() => canary.close());
  const findings: Finding[] = [];
  const bounds = { patience: 1_500, pace: 0, connections: 600, signal: AbortSignal.timeout(60_000) };
  for await (const finding of audit({
    address: '127.0.0.1',
    ports: [port],
    name: '127.0.0.1',
    canary,
    bounds,
  })) {
    findings.push(finding);
  }
  return findings;
}

const by = (findings: readonly Finding[], id: string) => findings.find(({ technique }) => technique === id);

const page = (status: string, body = 'own page') =>
  `HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;

/** Answers the first bytes of each connection, `after` milliseconds later. */
const answering =
  (answer: (head: string) => string | null, after = () => 0) =>
  (socket: Socket) =>
    socket.once('data', (chunk) => {
      const head = chunk.toString('latin1');
      const bytes = answer(head);
      if (bytes !== null) setTimeout(() => socket.end(bytes, 'latin1'), after());
    });

/** Fetches the URL of an absolute-form request. */
const proxying = (after: number) => (socket: Socket) =>
  socket.once('data', async (chunk) => {
    const [, url] = /^GET (http:\/\/127\S+) HTTP/.exec(chunk.toString('latin1')) ?? [];
    const body =
      url === undefined
        ? null
        : await fetch(url).then(
            (answer) => answer.text(),
            () => null,
          );
    setTimeout(() => socket.end(page(body === null ? '404 Not Found' : '200 OK', body ?? '')), after);
  });

describe('a port that the canary cannot listen on', { skip: without('nginx', 'apache2') }, () => {
  const forwarder = nginx('location / { proxy_pass http://$host$request_uri; }');

  test('a gateway error is no refusal, even if ordinary pages get it too', async (t) => {
    const findings = await unprivilegedAudit(t, (await forwarder(t)).port);
    assert.equal(by(findings, 'host-foreign')?.result, 'unclear');
    assert.equal(exitCode(findings, remarks), 3);
  });

  test("another server's page from that port is not taken for the audited server's own", {
    skip: root,
  }, async (t) => {
    const host = ownAddress();
    // It listens on port 80 of the canary's address and answers like the audited server.
    const neighbour = answering(() => page('404 Not Found'));
    await scriptedServer(t, neighbour, host, 80);
    const front = await startNginx(t, {
      config: ({ port }) =>
        `resolver 127.0.0.1:9 ipv6=off; resolver_timeout 1s; server { listen 127.0.0.1:${port}; location / { proxy_pass http://$host; }
         if ($host = 127.0.0.1) { return 404; } }`,
    });
    const findings = await unprivilegedAudit(t, front.port, host);
    assert.equal(by(findings, 'host-foreign')?.result, 'answers-itself');
    assert.equal(by(findings, 'host-foreign/unresolvable')?.result, 'unclear');
    assert.equal(exitCode(findings, remarks), 3);
  });

  test('CONNECT allowed to port 443 only is unclear, because that port is refused differently', async (t) => {
    const limited = apache('ProxyRequests On', '<Proxy "*">', 'Require method CONNECT', '</Proxy>');
    const findings = await unprivilegedAudit(t, (await limited(t)).port);
    assert.equal(by(findings, 'connect/port-22')?.result, 'refuses');
    assert.equal(by(findings, 'connect/port-443')?.result, 'unclear');
    assert.equal(exitCode(findings, remarks), 3);
  });
});

test('CONNECT refused differently for one port is unclear, refused alike for all ports is not', async (t) => {
  const differing = (odd: string) =>
    answering((head) =>
      page(
        /^CONNECT \S+:443 /.test(head) ? odd : head.startsWith('CONNECT') ? '403 Forbidden' : '404 Not Found',
      ),
    );
  const odd = await auditPort(t, await scriptedServer(t, differing('400 Bad Request')));
  assert.equal(by(odd.findings, 'connect/port-443')?.result, 'unclear');
  const alike = await auditPort(t, await scriptedServer(t, differing('403 Forbidden')));
  assert.equal(by(alike.findings, 'connect/port-443')?.result, 'refuses');
  assert.equal(exitCode(alike.findings, remarks), 0);
});

test('a tunnel to a port of another server is proven by its greeting', { skip: root }, async (t) => {
  const host = ownAddress();
  await scriptedServer(t, (socket) => socket.end('SSH-2.0-Test\r\n'), host, 22);
  const port = await scriptedServer(
    t,
    answering((head) =>
      head.startsWith(`CONNECT ${host}:22 `)
        ? 'HTTP/1.1 200 Connection established\r\n\r\nSSH-2.0-Test\r\n'
        : page(head.startsWith('CONNECT') ? '403 Forbidden' : '404 Not Found'),
    ),
  );
  const findings = await unprivilegedAudit(t, port, host);
  assert.equal(by(findings, 'connect/port-22')?.result, 'relays');
});

test('a server slower than the timeout gets every technique, and a note says so', async (t) => {
  const port = await scriptedServer(t, proxying(450));
  const { relays, findings, notes } = await auditPort(t, port, { patience: 200 });
  assert.ok(relays.includes('absolute-form-foreign'), notes.join());
  assert.ok(findings.length > 75, `${findings.length} techniques`);
  assert.match(notes.join(), /takes longer than the timeout of 0\.2 s/);
});

test('a server whose front page never comes gets every technique once any answer is HTTP', async (t) => {
  const hangs = answering((head) => (/^GET http:/.test(head) ? page('421 Misdirected Request') : null));
  const { findings } = await auditPort(t, await scriptedServer(t, hangs), { patience: 200 });
  assert.ok(findings.length > 75, `${findings.length} techniques`);
  assert.equal(by(findings, 'absolute-form-foreign')?.result, 'refuses');
  assert.equal(exitCode(findings, remarks), 3);
});

test('a relay to cloud metadata is proven by the metadata answer', {
  skip: without('nginx'),
}, async (t) => {
  const metadata = await scriptedServer(
    t,
    answering(() => page('200 OK', 'ami-id\ninstance-id\nlocal-ipv4')),
  );
  const server = await startNginx(t, {
    config: ({ port }) =>
      `server { listen 127.0.0.1:${port} default_server; return 404; }
       server { listen 127.0.0.1:${port}; server_name 169.254.169.254; location / { proxy_pass http://127.0.0.1:${metadata}; } }`,
  });
  const { relays } = await auditPort(t, server.port);
  assert.deepEqual([...relays].sort(), ['absolute-form-foreign/metadata', 'host-foreign/metadata']);
});

test('a relay to a loopback service is proven by its greeting', async (t) => {
  const port = await scriptedServer(
    t,
    answering((head) =>
      /\nHost: 127\.0\.0\.1:22\r/.test(head) ? 'SSH-2.0-Test\r\n' : page('404 Not Found'),
    ),
  );
  const { relays } = await auditPort(t, port);
  assert.deepEqual([...relays].sort(), ['absolute-form-foreign/loopback-ssh', 'host-foreign/loopback-ssh']);
});

test('other spellings get past a filter on dotted addresses', { skip: without('apache2') }, async (t) => {
  const server = await startApache(t, {
    modules: ['proxy', 'proxy_http', 'rewrite'],
    config: [
      'RewriteEngine On',
      'RewriteCond %{HTTP_HOST} !^[0-9]+[.]',
      'RewriteRule ^/(.*) http://%{HTTP_HOST}/$1 [P]',
    ].join('\n'),
  });
  const { relays } = await auditPort(t, server.port);
  assert.ok(!relays.includes('host-foreign'));
  assert.ok(relays.includes('host-foreign/hex') || relays.includes('host-foreign/localhost'), relays.join());
});

test('a page that fetches a URL parameter is found only with --paths', {
  skip: without('nginx'),
}, async (t) => {
  const fetcher = nginx('location /proxy { proxy_pass $arg_url; }', 'location / { return 404; }');
  const { relays } = await auditPort(t, (await fetcher(t)).port);
  assert.deepEqual(relays, []);
});
