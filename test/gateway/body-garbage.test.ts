/** The memory of forwarded bodies is freed by young collections, before V8 makes full ones for it: those delay all requests. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { suite, test } from 'node:test';
import { startGatewayProcess } from '../support/gateway-process.ts';

const body = Buffer.alloc(32 * 1024, 'x');
const answerAfter = (
  stream: { resume(): unknown; on(event: 'end', listener: () => void): unknown },
  response: { end(text: string): unknown },
): void => {
  stream.resume();
  stream.on('end', () => response.end('ok'));
};

suite('a young collection for every 16 MiB of bodies', () => {
  for (const [what, chunked, http2] of [
    ['with a length', false, false],
    ['chunked', true, false],
    ['to an HTTP/2 backend', false, true],
  ] as const)
    test(what, async (t) => {
      const backend = http2 ? createHttp2Server(answerAfter) : createServer(answerAfter);
      await once(backend.listen(0, '127.0.0.1'), 'listening');
      t.after(() => backend.close());
      const url = `${http2 ? 'h2c' : 'http'}://127.0.0.1:${(backend.address() as AddressInfo).port}`;
      const { port, process } = await startGatewayProcess(
        t,
        `sites: [{ hosts: ["127.0.0.1:*"], backend: "${url}" }]\nrateLimit: { max: 1000000000 }`,
        ['--trace-gc'],
      );
      const agent = new Agent({ keepAlive: true, maxSockets: 20 });
      t.after(() => agent.destroy());
      const post = async (): Promise<void> => {
        const headers = chunked ? {} : { 'Content-Length': body.length };
        const sent = request({ port, host: '127.0.0.1', method: 'POST', agent, headers });
        // Written apart from the end: else Node makes a Content-Length.
        sent.write(body);
        sent.end();
        const [response] = await once(sent, 'response');
        assert.equal(response.statusCode, 200);
        await once(response.resume(), 'end');
      };
      // 64 MiB.
      let left = 2048;
      const lane = async (): Promise<void> => {
        while (left-- > 0) await post();
      };
      await Promise.all(Array.from({ length: 20 }, lane));
      // `testing`: V8's word for a collection that the program asks for.
      const asked = process.stdout().match(/Scavenge .*testing/g) ?? [];
      assert.ok(asked.length >= 3, process.stdout());
    });
});
