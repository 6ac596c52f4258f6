/** The names that certificates are ordered for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../src/config/load.ts';
import { certificate } from '../support/certificate.ts';
import { tempDir } from '../support/temp-dir.ts';

test('a host that a certificate file covers is not ordered, unless `acme.hosts` names it', async (t) => {
  const folder = await tempDir(t, 'files');
  const { cert, key } = await certificate(t, ['shop.example.net', '*.shop.example.net'], folder);
  const hosts = (more = '') =>
    parseConfig(
      `listen: [{ address: "0.0.0.0:443", tls: [{ acme: { terms: agreed${more} } }, { cert: "${cert}", key: "${key}" }] }]\n` +
        'sites: [{ hosts: [www.example.net, shop.example.net, a.shop.example.net, "*.shop.example.net", 192.0.2.1], backend: welcome }]\n',
      '.',
    ).acme!.hosts;
  assert.deepEqual(hosts(), ['www.example.net']);
  assert.deepEqual(hosts(', hosts: [a.shop.example.net]'), ['www.example.net', 'a.shop.example.net']);
});
