/** The exported `policy.methods` in the real servers. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseConfig } from '../../src/config/load.ts';
import { exportSource } from '../../src/export/source.ts';
import { without } from '../support/peers.ts';
import { exchange } from '../support/raw-client.ts';
import { anyBackend } from './any-backend.ts';
import { servers } from './servers.ts';

const source = exportSource(
  parseConfig(
    `listen: ["127.0.0.1:80"]
sites:
  - { hosts: [www.example.net], backend: welcome }
  - { hosts: [static.example.net], backend: welcome, policy: { methods: [GET, HEAD] } }
policy: { methods: [registered, FROB] }
`,
    '.',
  ),
);

suite('exported methods', () => {
  for (const server of servers) {
    test(server.title, { skip: without(server.peer) }, async (t) => {
      const backend = await anyBackend(t);
      const { port } = await server.start(t, backend.port, true, { from: source });
      const status = async (method: string, host: string): Promise<number | undefined> => {
        const bytes = `${method} / HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
        return (await exchange(port, bytes, { until: 1, timeout: 20_000 })).responses[0]?.status;
      };
      for (const [method, host, expected] of [
        ['GET', 'www.example.net', 200],
        ['PUT', 'www.example.net', 200],
        ['FROB', 'www.example.net', 200],
        ['FOO', 'www.example.net', 501],
        ['GET', 'static.example.net', 200],
        ['PUT', 'static.example.net', 501],
        ['FROB', 'static.example.net', 501],
      ] as const)
        assert.equal(await status(method, host), expected, `${method} ${host}`);
    });
  }
});
