/** TLS to the mail server, and PROXY headers of version 2: with Postfix, Exim and scripted servers. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { proxyHeader2 } from '../../src/smtp/proxy-header.ts';
import { readProxyHeader } from '../../src/wire/proxy-protocol.ts';
import { eventually } from '../support/eventually.ts';
import { without } from '../support/peers.ts';
import { certificate } from './certificate.ts';
import { Dialogue } from './dialogue.ts';
import { startExim } from './exim.ts';
import { startPostfix } from './postfix.ts';
import { fakeServer, mailSink, startGuard } from './support.ts';

async function deliver(client: Dialogue): Promise<number[]> {
  const codes: number[] = [];
  for (const line of ['MAIL FROM:<a@example.org>', 'RCPT TO:<user@example.net>', 'DATA', 'x\r\n.']) {
    codes.push(await client.code(line));
    if (codes.at(-1)! >= 400) break;
  }
  return codes;
}

test('STARTTLS and implicit TLS to Postfix, verified with the configured authority', {
  skip: without('postfix', 'openssl'),
}, async (t) => {
  const sink = await mailSink(t);
  const [files] = await certificate(t);
  const ca = await readFile(files!.cert, 'utf8');
  for (const mode of ['starttls', 'implicit'] as const) {
    const level = mode === 'starttls' ? 'smtpd_tls_security_level = encrypt' : 'smtpd_tls_wrappermode = yes';
    const postfix = await startPostfix(t, {
      deliverTo: sink.port,
      main: `smtpd_tls_cert_file = ${files!.cert}\nsmtpd_tls_key_file = ${files!.key}\nsmtpd_tls_loglevel = 1\n${level}`,
    });
    const tls = { mode, ca, servername: 'mx.example.net', verify: true };
    const { port, logged } = await startGuard(t, postfix.port, { backendTls: tls });
    // The second client reuses the session of the first.
    for (let i = 0; i < 2; i++) {
      const client = await Dialogue.greeted(t, port);
      assert.deepEqual(await deliver(client), [250, 250, 354, 250], `${mode} ${logged.join()}`);
      assert.equal(await client.code('QUIT'), 221);
    }
    await postfix.waitForLog(/TLS connection established from .*TLSv1\.3/);
    assert.deepEqual(logged, []);
    for (const [wrong, told] of [
      [{ ...tls, ca: null }, /self-signed certificate/],
      [{ ...tls, servername: 'other.example.net' }, /does not match/],
    ] as const) {
      const distrusting = await startGuard(t, postfix.port, { backendTls: wrong });
      assert.equal((await (await Dialogue.open(t, distrusting.port)).reply()).code, 421);
      assert.match(distrusting.logged[0]!, told);
    }
    if (mode === 'implicit') continue;
    // Without TLS it accepts no mail: the client gets its 530, and the log says what to set.
    const clear = await startGuard(t, postfix.port);
    const client = await Dialogue.greeted(t, clear.port);
    assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
    assert.equal(await client.code('RCPT TO:<user@example.net>'), 530);
    assert.match(clear.logged[0]!, /accepts mail only under TLS, so none gets through: set smtp\.backendTls/);
  }
});

test('a mail server whose STARTTLS offer was stripped, or that sends plaintext after STARTTLS, gets no mail', async (t) => {
  for (const [offer, after, told] of [
    ['250 SIZE 1000', '', /STARTTLS is not offered/],
    ['250 STARTTLS', '250 injected\r\n', /in the clear after STARTTLS|several replies/],
  ] as const) {
    const server = await fakeServer(t, (socket) => {
      socket.write('220 x ESMTP\r\n');
      socket.on('data', (chunk: Buffer) => {
        if (chunk.toString().startsWith('EHLO')) socket.write(`250-x\r\n${offer}\r\n`);
        else if (chunk.toString().startsWith('STARTTLS')) socket.write(`220 Go\r\n${after}`);
      });
    });
    const backendTls = { mode: 'starttls', ca: null, servername: null, verify: true } as const;
    const { port, logged } = await startGuard(t, server.port, { backendTls });
    assert.equal((await (await Dialogue.open(t, port)).reply()).code, 421);
    await eventually(() => told.test(logged[0] ?? ''), logged[0] ?? 'a log line');
    assert.doesNotMatch(server.received[0]!, /MAIL/);
  }
});

test('PROXY version 2: bytes for both address families, with and without TLS', () => {
  for (const [address, localAddress] of [
    ['203.0.113.7', '192.0.2.1'],
    ['2001:db8::7', '2001:db8::1'],
    ['fe80:1:2:3:4:5:6:7', '::1'],
  ] as const) {
    const header = proxyHeader2(
      { address, port: 12345, localAddress, localPort: 25, session: 's-1' },
      { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' },
    );
    const read = readProxyHeader(header);
    assert.ok(typeof read === 'object');
    assert.equal(read.source, address);
    assert.equal(read.length, header.length);
    assert.match(
      header.toString('latin1'),
      /\x20\x00\x2c?.*\x01\x00\x00\x00\x01\x21\x00\x07TLSv1\.3\x23\x00\x16TLS_AES_256_GCM_SHA384$/s,
    );
  }
});

test('PROXY version 2: Postfix and Exim see the client address', {
  skip: without('postfix', 'exim4', 'openssl'),
}, async (t) => {
  const sink = await mailSink(t);
  const postfix = await startPostfix(t, {
    deliverTo: sink.port,
    main: 'smtpd_upstream_proxy_protocol = haproxy',
  });
  const exim = await startExim(t, { deliverTo: sink.port, main: 'hosts_proxy = 127.0.0.1' });
  const tls = await certificate(t);
  for (const behind of [postfix, exim]) {
    const { port } = await startGuard(t, behind.port, { proxyProtocol: 'v2', tls });
    const client = await Dialogue.greeted(t, port, '127.0.0.7');
    await client.say('STARTTLS');
    await client.startTls();
    await client.say('EHLO client.example.org');
    assert.deepEqual(await deliver(client), [250, 250, 354, 250]);
  }
  await sink.waitFor(2);
  for (const { data } of sink.mails) assert.match(data.toString(), /\[127\.0\.0\.7\]/);
});
