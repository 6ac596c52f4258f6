/** Certificates from a real Pebble: the program orders, answers challenges and serves. */
import assert from 'node:assert/strict';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { certificate } from '../support/certificate.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { root } from '../support/gateway-process.ts';
import { acme, host, issued, shownAt, startOrdering, statusOf, token } from '../support/ordering-gateway.ts';
import { startPebble } from '../support/pebble.ts';
import { without } from '../support/peers.ts';
import { startProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { recordingBackend } from '../support/recording-backend.ts';

const owner = { after };

suite('ordered certificates', { skip: without('pebble', 'pebble-challtestsrv') }, () => {
  test('HTTP-01: the plain listener answers, the certificate is served, keys are 0600', async () => {
    const pebble = await startPebble(owner);
    const tls = await freePort();
    const running = await startOrdering(
      owner,
      `listen: [{ address: "127.0.0.1:${pebble.httpPort}", redirect: https }, { address: "127.0.0.1:${tls}", tls: ${acme(pebble, ', hosts: [mail.example.net]')} }]`,
    );
    const { issuer, names } = await issued(tls);
    // For a name that belongs to no site, only the challenge is answered.
    await issued(tls, 'mail.example.net');
    assert.match(issuer, /^Pebble Intermediate/);
    assert.equal(names, `DNS:${host}`);
    for (const name of await readdir(running.folder, { recursive: true })) {
      const { mode } = await stat(join(running.folder, name));
      assert.equal(mode & 0o077, 0, name);
    }
    assert.deepEqual(await readdir(join(running.folder, 'challenges')), [], 'no challenge is left');
    const { certificates } = await statusOf(running);
    assert.deepEqual(
      certificates.map((one) => [one.host, one.trouble, typeof one.notAfter]),
      [host, 'mail.example.net'].map((name) => [name, null, 'string']),
    );
    const { responses } = await exchange(
      pebble.httpPort,
      'GET /.well-known/acme-challenge/none HTTP/1.1\r\nHost: mail.example.net\r\n\r\n',
    );
    assert.equal(responses[0]!.status, 421);
    // An unknown token is redirected or forwarded as usual, never answered.
    const answer = await fetch(`http://127.0.0.1:${pebble.httpPort}/.well-known/acme-challenge/none`, {
      redirect: 'manual',
      headers: { Host: host },
    });
    assert.notEqual(await answer.text(), '');
    // After a restart nothing is ordered again.
    const { serial } = await issued(tls);
    await running.process.stop();
    await startOrdering(
      owner,
      `listen: [{ address: "127.0.0.1:${pebble.httpPort}", redirect: https }, { address: "127.0.0.1:${tls}", tls: ${acme(pebble)} }]`,
      '',
      join(running.folder, '..'),
    );
    assert.equal((await issued(tls)).serial, serial);
  });

  test('TLS-ALPN-01 without a plain listener, with two workers and required client certificates; a reload adds a name', async () => {
    const pebble = await startPebble(owner);
    const { cert } = await certificate(owner, ['client.example.org']);
    const files = `{ cert: "${pebble.ca}", key: "${pebble.key}", clients: { ca: "${cert}" } }`;
    const running = await startOrdering(
      owner,
      `listen: [{ address: "127.0.0.1:${pebble.tlsPort}", tls: [${acme(pebble)}, ${files}] }]`,
      'workers: 2\n',
    );
    assert.match((await issued(pebble.tlsPort)).issuer, /^Pebble Intermediate/);
    const before = await readFile(running.config, 'utf8');
    await writeFile(running.config, before.replace(host, `${host}, second.example.net`));
    running.process.signal('SIGHUP');
    await issued(pebble.tlsPort, 'second.example.net').catch((error) => {
      throw new Error(running.process.stdout() + running.process.stderr(), { cause: error });
    });
    assert.doesNotMatch(running.process.stdout() + running.process.stderr(), /need a restart/);
  });

  test('a refused order is reported, backed off from, and remembered across a restart', async () => {
    const pebble = await startPebble(owner);
    const tls = await freePort();
    // Nothing listens on the ports that Pebble connects to.
    const listen = `listen: [{ address: "127.0.0.1:${tls}", tls: ${acme(pebble)} }]`;
    const receiver = await recordingBackend(owner);
    const running = await startOrdering(owner, listen, `alerts: { webhook: "${receiver.url}/hook" }\n`);
    const trouble = async () => (await statusOf(running)).certificates[0]?.trouble ?? null;
    await eventually(async () => (await trouble()) !== null, 'the trouble is reported', 30_000);
    const failed = (await trouble())!;
    assert.match(failed, /Failed to connect/);
    assert.equal(await shownAt(tls), null, 'no certificate, no handshake');
    const alerts = () => receiver.requests.map(({ body }) => body.toString());
    await eventually(() => alerts().length > 0, 'the alert', 10_000);
    assert.match(alerts()[0]!, /there is a problem with the certificate of www\.example\.net/);
    assert.match(alerts()[0]!, /Failed to connect.*its port 80 or 443 can be reached/);
    await running.process.stop();
    const again = await startOrdering(owner, listen, '', join(running.folder, '..'));
    const [known] = (await statusOf(again)).certificates;
    assert.equal(known?.trouble, failed);
    assert.doesNotMatch(again.process.stdout() + again.process.stderr(), /retrying in/);
  });

  test("external account binding; mail guard and admin listener use the sites' certificates", async () => {
    const externalAccount = {
      id: 'kid-1',
      key: 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W',
    };
    const pebble = await startPebble(owner, { externalAccount });
    const running = await startOrdering(
      owner,
      `listen: [{ address: "127.0.0.1:${pebble.tlsPort}", tls: ${acme(pebble, `, externalAccount: { id: ${externalAccount.id}, key: ${externalAccount.key} }, hosts: [mail.example.net]`)} }]`,
    );
    assert.match((await issued(pebble.tlsPort)).issuer, /^Pebble Intermediate/);
    await issued(pebble.tlsPort, 'mail.example.net');
    await running.process.stop();
    const yaml = await readFile(running.config, 'utf8');
    const mail = await freePort();
    await writeFile(
      running.config,
      `${yaml.replace(`token: ${token}`, `token: ${token}, tls: { certificatesOf: sites }`)}smtp: { listen: { address: "127.0.0.1:${mail}", tls: implicit }, backend: "127.0.0.1:9", domains: [example.net], tls: { certificatesOf: sites } }\n`.replace(
        `listen: { address: "127.0.0.1:${mail}", tls: implicit }`,
        `listen: [{ address: "127.0.0.1:${mail}", tls: implicit }]`,
      ),
    );
    const again = await startProcess(
      owner,
      process.execPath,
      ['src/cli.ts', 'start', '--config', running.config],
      { cwd: root },
    );
    await again.waitForLine(/^listening admin https/, 30_000);
    assert.equal((await issued(running.admin, 'mail.example.net')).names, 'DNS:mail.example.net');
    assert.equal((await issued(mail, 'mail.example.net')).names, 'DNS:mail.example.net');
  });
});
