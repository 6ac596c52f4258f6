/** Allow in a 405 names the configured methods (RFC 9110 section 15.5.6). */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { headers, pseudo, RawHttp2 } from '../http2/raw-http2.ts';
import { certificate } from '../support/certificate.ts';
import { runGateway } from '../support/gateway.ts';
import { exchange } from '../support/raw-client.ts';

const owner = { after };
const { cert, key } = await certificate(owner, ['www.example.net']);
const gateway = await runGateway(
  owner,
  `sites:
  - { hosts: [www.example.net], backend: welcome, policy: { methods: [GET, HEAD] } }
  - { hosts: [wide.example.net], backend: welcome }
bans: false
`,
  `listen: ["127.0.0.1:0", { address: "127.0.0.1:0", tls: { cert: ${cert}, key: ${key} } }]\n`,
);
const [plain, secure] = gateway.gateway.listeners.map((name) => Number(name.split(':').at(-1)));

suite('the Allow field of a 405', () => {
  for (const [host, offered] of [
    ['www.example.net', 'GET, HEAD'],
    ['wide.example.net', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'],
  ] as const)
    test(`has the methods of ${host}`, async () => {
      const { responses } = await exchange(plain!, `TRACE / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      assert.deepEqual([responses[0]?.status, responses[0]?.headers.get('allow')], [405, [offered]]);
    });

  test('has the methods of the site over HTTP/2 too', async () => {
    const client = await RawHttp2.open(secure!);
    client.send(headers(1, pseudo('TRACE')));
    assert.equal(await client.fate(1), '405');
    const { fields } = (await client.frame((one) => one.stream === 1 && one.fields[1] === '405'))!;
    assert.equal(fields[fields.indexOf('allow') + 1], 'GET, HEAD');
    client.destroy();
  });
});
