/** `sites[].headers`: fields set, added and removed, which clients can't influence. */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { FieldEdits } from '../../src/forward/field-edits.ts';
import { certificate } from '../support/certificate.ts';
import { runGateway } from '../support/gateway.ts';
import { http2Request, http2Session } from '../support/http2-client.ts';
import { exchange } from '../support/raw-client.ts';
import { recordingBackend } from '../support/recording-backend.ts';

const owner = { after };
const answer =
  'HTTP/1.1 200 OK\r\nServer: Apache/2.4.1\r\nALT-SVC: h3=":8443"; ma=86400\r\nx-frame-options: ALLOWALL\r\nLink: </a>\r\nX-Age: 1\r\nContent-Length: 2\r\n\r\nok';
const backend = await recordingBackend(owner, { answer: () => answer });
const { cert, key } = await certificate(owner, ['www.example.net']);
const { port } = await runGateway(
  owner,
  `
sites:
  - hosts: [www.example.net]
    backend: "${backend.url}"
    headers:
      response: { Strict-Transport-Security: max-age=63072000, X-Frame-Options: DENY, Server: false, Link: { add: "</b>" } }
      request: { X-Gate: "yes", X-Debug: false, Accept: { add: text/x-more } }
  - hosts: [plain.example.net]
    backend: "${backend.url}"
bans: false
rateLimit: false
`,
  `listen: [{ address: "127.0.0.1:0", tls: { cert: "${cert}", key: "${key}" } }]\n`,
);
const tls = { servername: 'www.example.net' };
const get = async (host: string, more = '', method = 'GET') => {
  const { responses } = await exchange(port, `${method} / HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`, {
    tls,
    until: 1,
  });
  return responses[0]!;
};

suite('response headers', () => {
  const expected = (headers: ReadonlyMap<string, readonly string[]>): void => {
    assert.deepEqual(headers.get('strict-transport-security'), ['max-age=63072000']);
    assert.deepEqual(headers.get('x-frame-options'), ['DENY']);
    assert.deepEqual(headers.get('link'), ['</a>', '</b>']);
    assert.deepEqual(headers.get('x-age'), ['1']);
    assert.equal(headers.has('server'), false);
    assert.equal(headers.has('alt-svc'), false);
  };

  for (const method of ['GET', 'HEAD', 'OPTIONS']) {
    test(`are set, added and removed for ${method}`, async () => {
      const { status, headers } = await get('www.example.net', '', method);
      assert.equal(status, 200);
      expected(headers);
    });
  }

  test('the same over HTTP/2', async () => {
    const session = await http2Session(owner, `https://127.0.0.1:${port}`);
    const { headers } = await http2Request(session, { ':authority': 'www.example.net' });
    assert.equal(headers['strict-transport-security'], 'max-age=63072000');
    assert.equal(headers['x-frame-options'], 'DENY');
    assert.equal(headers.link, '</a>, </b>');
    assert.deepEqual([headers.server, headers['alt-svc']], [undefined, undefined]);
  });

  test('are unchanged without edits, except Alt-Svc', async () => {
    const { headers } = await get('plain.example.net');
    assert.deepEqual(headers.get('server'), ['Apache/2.4.1']);
    assert.deepEqual(headers.get('x-frame-options'), ['ALLOWALL']);
    assert.equal(headers.has('alt-svc'), false);
    assert.equal(headers.has('strict-transport-security'), false);
  });
});

suite('request headers', () => {
  const lines = (name: string): string[] =>
    backend.requests
      .at(-1)!
      .headerLines.filter((line) => line.toLowerCase().replaceAll('_', '-').startsWith(`${name}:`));

  test('a client can neither send them, in any spelling, nor have them removed', async () => {
    await get(
      'www.example.net',
      'X-Gate: no\r\nx_gate: no\r\nX_Debug: 1\r\nX-Debug: 1\r\nConnection: x-gate\r\nAccept: text/html\r\n',
    );
    assert.deepEqual(lines('x-gate'), ['X-Gate: yes']);
    assert.deepEqual(lines('x-debug'), []);
    assert.deepEqual(lines('accept'), ['Accept: text/html', 'Accept: text/x-more']);
  });

  test('are unchanged without edits', async () => {
    await get('plain.example.net', 'X-Gate: no\r\nx_gate: no\r\n');
    assert.deepEqual(lines('x-gate'), ['X-Gate: no', 'x_gate: no']);
  });
});

test('without edits there is no edit object', () => {
  assert.equal(FieldEdits.of([]), null);
});
