/** Real servers in their default configuration do not relay, says the command; more servers are in set-ups.ts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { audited } from '../support/audited.ts';
import { runGateway } from '../support/gateway.ts';
import { plainNginx } from '../support/nginx.ts';
import type { Owner } from '../support/owner.ts';
import { without } from '../support/peers.ts';
import { plainCaddy, plainHaproxy } from '../support/plain-servers.ts';
import { defaultPostfix } from '../support/postfix.ts';

type Start = (owner: Owner) => Promise<{ readonly port: number }>;

const behindHaproxy: Start = async (owner) => plainHaproxy(owner, await plainNginx(owner));
const sekisho: Start = (owner) =>
  runGateway(
    owner,
    'sites: [{ hosts: [localhost, 127.0.0.1], backend: welcome }]\nbans: false\nrateLimit: false\n',
  );

const rows: readonly (readonly [name: string, start: Start, ...peers: string[]])[] = [
  ['HAProxy, with its HTTP/2', behindHaproxy, 'haproxy', 'nginx'],
  ['Caddy over TLS, with its HTTP/2', (owner) => plainCaddy(owner, { tls: true }), 'caddy'],
  ['Postfix', defaultPostfix, 'postfix'],
  ['Sekisho', sekisho],
];

for (const [name, start, ...peers] of rows) {
  test(`${name} does not relay`, { skip: without(...peers) }, async (t) => {
    const { port } = await start(t);
    const { code, findings, relays, stderr } = await audited(`127.0.0.1:${port}`);
    assert.deepEqual(relays, []);
    assert.equal(code, 0, stderr);
    assert.ok(findings.length > 30, `only ${findings.length} techniques: ${stderr}`);
    const unclear = findings.filter(({ result }) => result === 'unclear');
    assert.deepEqual(unclear, []);
    assert.match(stderr, /does not relay/);
    for (const { fix, why } of findings) assert.equal(fix !== null, why.includes('echoes the request'));
  });
}
