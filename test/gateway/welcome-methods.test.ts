/** The built-in page answers methods that it does not have with 405, not with an error of the server (RFC 9110 section 15.5.6). */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { runGateway } from '../support/gateway.ts';
import { exchange } from '../support/raw-client.ts';

const gateway = await runGateway(
  { after },
  'sites: [{ hosts: [www.example.net], backend: welcome }]\nbans: false\n',
);
const [port] = gateway.gateway.listeners.map((name) => Number(name.split(':').at(-1)));

suite('the page of welcome', () => {
  for (const [method, status] of [
    ['GET', 200],
    ['POST', 200],
    ['VERSION-CONTROL', 405],
    ['REPORT', 405],
    ['PROPFIND', 405],
    ['RPC_IN_DATA', 405],
  ] as const)
    test(`answers ${method} with ${status}`, async () => {
      const { responses } = await exchange(
        port!,
        `${method} / HTTP/1.1\r\nHost: www.example.net\r\nConnection: close\r\n\r\n`,
      );
      assert.equal(responses[0]?.status, status);
      if (status === 405) assert.deepEqual(responses[0]?.headers.get('allow'), ['GET, HEAD']);
    });
});
