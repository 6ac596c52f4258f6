import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../src/config/load.ts';
import { sampleProbeCommand } from '../../src/program/sample-probe.ts';

const knock = (listen: string): string | null =>
  sampleProbeCommand(
    parseConfig(
      `listen: ${listen}\ntrustedProxies: [192.0.2.1/32]\nsites: [{ hosts: [example.net], backend: welcome }]\n`,
      '.',
    ),
  );

test('the test command goes to the first listener that curl can use, by an address of this machine', () => {
  assert.equal(knock('["0.0.0.0:8080"]'), 'curl -x http://127.0.0.1:8080 http://www.example.com/');
  assert.equal(
    knock('[{ address: "127.0.0.1:81", proxyProtocol: true }, "[::1]:82"]'),
    'curl -x http://[::1]:82 http://www.example.com/',
  );
  assert.equal(knock('["127.0.0.1:0"]'), null);
});
