/** Exports of a config with many sites: servers limit the length of a line, a word and an expression. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseConfig } from '../../src/config/load.ts';
import { exportSource } from '../../src/export/source.ts';
import { without } from '../support/peers.ts';
import { exchange } from '../support/raw-client.ts';
import { anyBackend } from './any-backend.ts';
import { servers } from './servers.ts';

const names = Array.from(
  { length: 200 },
  (_, index) => `a-long-name-of-a-customer-${index}.shops.example.net`,
);

/** Addresses with many zeros have the most spellings. */
const addresses = ['[::1]', '[2001:db8::]'];

const source = exportSource(
  parseConfig(
    `listen: ["127.0.0.1:80"]\nsites: [{ hosts: ${JSON.stringify([...names, ...addresses])}, backend: welcome }]\npolicy: { preset: strict }\n`,
    '.',
  ),
);

const host = (name: string, target = '/'): string =>
  `GET ${target} HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`;

suite('the export of many sites', () => {
  for (const server of servers) {
    test(server.title, { skip: without(server.peer) }, async (t) => {
      const backend = await anyBackend(t);
      const { port } = await server.start(t, backend.port, true, { from: source });
      const status = async (bytes: string): Promise<number | undefined> =>
        (await exchange(port, bytes, { until: 1, timeout: 20_000 })).responses[0]?.status;
      for (const own of [
        names[0]!,
        names[100]!,
        names.at(-1)!,
        '[::1]',
        '[0:0:0:0:0:0:0:1]',
        '[2001:db8::0]:80',
      ])
        assert.equal(await status(host(own)), 200, own);
      assert.equal(await status(host(names.at(-1)!, `http://${names.at(-1)}/`)), 200);
      for (const foreign of ['www.example.com', '[::2]', `x${names[3]}`, `${names[3]}.evil.example`])
        assert.equal(await status(host(foreign)), 421, foreign);
      assert.equal(await status(host('www.example.com', 'http://www.example.com/')), 421);
    });
  }
});
