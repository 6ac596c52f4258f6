/** The handshake that answers TLS-ALPN-01, whose certificate no other client sees. */
import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp, createServer } from 'node:net';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type ConnectionOptions, connect } from 'node:tls';
import { AcmeFolder } from '../../src/acme/acme-folder.ts';
import { challengeCertificate } from '../../src/acme/der.ts';
import { freshKey } from '../../src/acme/order.ts';
import { certificate } from '../support/certificate.ts';
import { runGateway } from '../support/gateway.ts';
import { tempDir } from '../support/temp-dir.ts';

const owner = { after };
const folder = await tempDir(owner, 'challenges');
const store = new AcmeFolder(join(folder, 'certs'));
store.open();
const key = freshKey();
store.saveProof(
  'www.example.net',
  key + challengeCertificate('www.example.net', 'token.thumb', createPrivateKey(key), Date.now()),
);
const { cert, key: certKey } = await certificate(owner, ['www.example.net', 'gate.example.net'], folder);
const gateway = await runGateway(
  owner,
  `sites: [{ hosts: [www.example.net, gate.example.net], backend: welcome }]\nacme: { folder: "${store.folder}" }\n`,
  `listen: [{ address: "127.0.0.1:0", tls: [{ cert: "${cert}", key: "${certKey}" }, { acme: { terms: agreed } }] }]\n`,
);

/** Subject of the certificate and the protocol agreed on; null: the handshake failed. */
function shown(
  options: ConnectionOptions,
  port = gateway.port,
): Promise<{ subject: string; protocol: unknown } | null> {
  return new Promise((resolve) => {
    const secure = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options }, () => {
      resolve({ subject: String(secure.getPeerCertificate().subject.CN), protocol: secure.alpnProtocol });
      secure.destroy();
    });
    secure.on('error', () => resolve(null));
  });
}

/** A relay to the gateway that splits the client's first bytes into pieces of this size. @returns its port */
async function inPieces(size: number): Promise<number> {
  const relay = createServer({ noDelay: true }, (client) => {
    const behind = connectTcp({ port: gateway.port, host: '127.0.0.1', noDelay: true });
    client.on('error', () => behind.destroy());
    behind.on('error', () => client.destroy()).pipe(client);
    client.once('data', async (hello: Buffer) => {
      client.pause();
      for (let at = 0; at < hello.length; at += size) {
        behind.write(hello.subarray(at, at + size));
        await delay(2);
      }
      client.pipe(behind);
    });
  });
  await once(relay.listen(0, '127.0.0.1'), 'listening');
  after(() => relay.close());
  return (relay.address() as { port: number }).port;
}

suite('acme-tls/1', () => {
  const challenge = { servername: 'www.example.net', ALPNProtocols: ['acme-tls/1'] };
  test('the challenge certificate is shown only to clients that offer acme-tls/1', async () => {
    assert.deepEqual(await shown(challenge), { subject: 'ACME challenge', protocol: 'acme-tls/1' });
    assert.deepEqual(await shown({ ...challenge, ALPNProtocols: ['http/1.1'] }), {
      subject: 'www.example.net',
      protocol: 'http/1.1',
    });
    assert.equal(
      await shown({ ...challenge, servername: 'gate.example.net' }),
      null,
      'no order for it is in progress',
    );
  });

  test('a hello in pieces is read completely', async () => {
    for (const size of [7, 100])
      assert.equal(
        (await shown(challenge, await inPieces(size)))?.subject,
        'ACME challenge',
        `pieces of ${size}`,
      );
    assert.equal(
      (await shown({ servername: 'www.example.net' }, await inPieces(7)))?.subject,
      'www.example.net',
    );
  });
});
