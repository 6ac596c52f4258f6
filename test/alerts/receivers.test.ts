/** Alerts against real receivers on loopback: an HTTP server, an SMTP server, syslog over UDP, TCP and TLS. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { suite, test } from 'node:test';
import { createServer as createTlsServer, getCACertificates, setDefaultCACertificates } from 'node:tls';
import { SMTPServer } from 'smtp-server';
import { AlertQueue } from '../../src/alerts/alert-queue.ts';
import { Undeliverable } from '../../src/alerts/channel.ts';
import { mail } from '../../src/alerts/mail.ts';
import type { AlertMessage } from '../../src/alerts/message.ts';
import { syslog, syslogLine } from '../../src/alerts/syslog.ts';
import { webhook } from '../../src/alerts/webhook.ts';
import { certificate } from '../support/certificate.ts';
import type { Owner } from '../support/owner.ts';
import { startProcess } from '../support/process.ts';

const message: AlertMessage = {
  id: '11111111-2222-3333-4444-555555555555',
  kind: 'rate',
  level: 'trouble',
  time: 1_700_000_000_000,
  from: 'gate',
  title: 'gate: under attack, 500 probes so far',
  lines: [
    '500 probes in 5 s, all blocked',
    'Destinations: <!channel> @everyone [x](http://evil.example/) *b*',
  ],
  signed: 'signed',
  link: null,
  facts: { probes: 500 },
};

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** @param statuses answered in turn; the last one repeats */
async function httpReceiver(owner: Owner, statuses: readonly number[] = [204]) {
  const received: Received[] = [];
  const server = createServer(async (req, res) => {
    let body = '';
    for await (const chunk of req.setEncoding('utf8')) body += chunk;
    received.push({ headers: req.headers, body });
    const status = statuses[Math.min(received.length, statuses.length) - 1]!;
    res.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end();
  });
  owner.after(() => server.closeAllConnections());
  owner.after(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { received, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` };
}

suite('webhook', () => {
  test('posts generic JSON, signed so that the receiver can check sender and time', async (t) => {
    const { received, url } = await httpReceiver(t);
    const secret = '0123456789abcdef';
    const channel = webhook({ url, style: 'generic', secret });
    t.after(() => channel.close());
    await channel.send(message);
    const { headers, body } = received[0]!;
    const { signed: _, ...sent } = message;
    assert.deepEqual(JSON.parse(body), { ...sent, time: '2023-11-14T22:13:20.000Z' });
    assert.equal(headers['content-type'], 'application/json');
    const [, time, hash] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['x-sekisho-signature']))!;
    assert.equal(hash, createHmac('sha256', secret).update(`${time}.${body}`).digest('hex'));
    assert.ok(Math.abs(Number(time) - Date.now() / 1000) < 60);
  });

  test('escapes mentions, links and formatting of an attacker for Slack, Discord and Teams', async (t) => {
    const { received, url } = await httpReceiver(t);
    for (const style of ['slack', 'discord', 'teams'] as const) {
      const channel = webhook({ url, style, secret: null });
      t.after(() => channel.close());
      await channel.send({ ...message, title: `${message.title} <!channel> *b*` });
    }
    const [slack, discord, teams] = received.map(({ body }) => JSON.parse(body));
    assert.equal(slack.text, `${message.title} &lt;!channel&gt; *b*`);
    assert.equal(slack.attachments[0].blocks[0].text.type, 'plain_text');
    assert.deepEqual(discord.allowed_mentions, { parse: [] });
    assert.ok(discord.embeds[0].description.includes('\\[x\\](http://evil.example/) \\*b\\*'));
    assert.equal(teams.attachments[0].contentType, 'application/vnd.microsoft.card.adaptive');
    assert.ok(teams.attachments[0].content.body[2].text.includes('\\*b\\*'));
  });

  test('link to the event in Slack, Discord, Teams and syslog, and to nothing without admin.url', async (t) => {
    const link = 'https://gate.example.net/#/events/7?a="b"';
    const { received, url } = await httpReceiver(t);
    for (const style of ['slack', 'discord', 'teams'] as const) {
      const channel = webhook({ url, style, secret: null });
      t.after(() => channel.close());
      await channel.send({ ...message, link });
      await channel.send({ ...message, link: null });
    }
    const bodies = received.map(({ body }) => JSON.parse(body));
    const [slack, , discord, , teams] = bodies;
    assert.equal(slack.attachments[0].blocks[1].elements[0].text, `<${link}>`);
    assert.ok(discord.embeds[0].description.endsWith(`\n${link}`));
    assert.deepEqual(teams.attachments[0].content.actions, [
      { type: 'Action.OpenUrl', title: 'Sekisho', url: link },
    ]);
    for (const index of [1, 3, 5]) assert.doesNotMatch(JSON.stringify(bodies[index]), /gate\.example\.net/);
    assert.ok(
      syslogLine({ ...message, link }).includes(' link="https://gate.example.net/#/events/7?a=\\"b\\""]'),
    );
    assert.doesNotMatch(syslogLine({ ...message, link: null }), /link=/);
  });

  test('follows no redirect, so that only the configured service is dialled', async (t) => {
    const { received, url } = await httpReceiver(t, [302]);
    const channel = webhook({ url, style: 'generic', secret: null });
    t.after(() => channel.close());
    await assert.rejects(channel.send(message), Undeliverable);
    assert.equal(received.length, 1);
  });
});

suite('the queue of a receiver', () => {
  test('retries with back-off until the receiver accepts, in order', async (t) => {
    const { received, url } = await httpReceiver(t, [503, 500, 204, 204]);
    const channel = webhook({ url, style: 'generic', secret: null });
    const lost: string[] = [];
    const queue = new AlertQueue({ channel, delays: [5, 5, 5], onLost: (_, why) => lost.push(why) });
    queue.post(message);
    queue.post({ ...message, id: 'second' });
    await queue.idle();
    await queue.close(1000);
    assert.deepEqual(
      received.map(({ body }) => JSON.parse(body).id),
      [message.id, message.id, message.id, 'second'],
    );
    assert.deepEqual(lost, []);
  });

  test('drops and reports what the receiver rejects and what cannot be delivered', async (t) => {
    const { url } = await httpReceiver(t, [400]);
    const lost: string[] = [];
    const onLost = (_: AlertMessage, why: string) => lost.push(why);
    const refused = new AlertQueue({ channel: webhook({ url, style: 'generic', secret: null }), onLost });
    refused.post(message);
    await refused.idle();
    await refused.close(1000);
    const nobody = webhook({ url: 'http://127.0.0.1:1/', style: 'generic', secret: null });
    const unheard = new AlertQueue({ channel: nobody, delays: [5, 5], onLost });
    unheard.post(message);
    await unheard.idle();
    await unheard.close(1000);
    assert.equal(lost[0], 'the webhook answered 400');
    assert.match(lost[1]!, /ECONNREFUSED/);
    assert.equal(lost.length, 2);
  });

  test('holds a bounded number of messages, and drops the oldest', async () => {
    const lost: string[] = [];
    const channel = { name: 'deaf', send: () => new Promise<void>(() => {}), close: () => {} };
    const queue = new AlertQueue({ channel, onLost: ({ id }) => lost.push(id) });
    for (let i = 0; i < 60; i++) queue.post({ ...message, id: String(i) });
    assert.deepEqual(
      lost,
      Array.from({ length: 10 }, (_, i) => String(i)),
    );
    await queue.close(1);
  });
});

suite('mail', () => {
  test('reaches every recipient through the smarthost, marked as automatic', async (t) => {
    const mails: { to: string[]; text: string }[] = [];
    const server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      onData(stream, session, done) {
        let text = '';
        stream.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        stream.on('end', () => {
          mails.push({ to: session.envelope.rcptTo.map(({ address }) => address), text });
          done();
        });
      },
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    t.after(() => new Promise<void>((done) => server.close(() => done())));
    const { port } = server.server.address() as AddressInfo;
    const channel = mail({
      smarthost: `smtp://127.0.0.1:${port}`,
      from: 'gate@example.net',
      to: ['admin@example.net', 'night@example.net'],
    });
    t.after(() => channel.close());
    await channel.send(message);
    const { to, text } = mails[0]!;
    assert.deepEqual(to, ['admin@example.net', 'night@example.net']);
    assert.match(text, /^Subject: gate: under attack, 500 probes so far\r$/m);
    assert.match(text, /^Auto-Submitted: auto-generated\r$/im);
    assert.match(text, /500 probes in 5 s, all blocked\r\n/);
  });

  test('authenticates over TLS only: a smarthost without TLS never sees the password', async (t) => {
    const { cert, key } = await certificate(t, ['127.0.0.1']);
    const seen: string[] = [];
    const smarthost = async (options: ConstructorParameters<typeof SMTPServer>[0], scheme: string) => {
      const server = new SMTPServer({
        ...options,
        allowInsecureAuth: true,
        onAuth({ username, password }, { secure }, done) {
          seen.push(`${username} ${password} ${secure ? 'over TLS' : 'in the clear'}`);
          done(null, { user: username });
        },
        onData(stream, _session, done) {
          stream.resume().on('end', () => done());
        },
      });
      server.on('error', () => {});
      await once(server.listen(0, '127.0.0.1'), 'listening');
      t.after(() => new Promise<void>((done) => server.close(() => done())));
      const { port } = server.server.address() as AddressInfo;
      const channel = mail({
        smarthost: `${scheme}://night:p%40ss@127.0.0.1:${port}`,
        from: 'gate@example.net',
        to: ['admin@example.net'],
      });
      t.after(() => channel.close());
      return channel;
    };
    const files = { cert: readFileSync(cert), key: readFileSync(key) };
    const plain = await smarthost({ disabledCommands: ['STARTTLS'] }, 'smtp');
    await assert.rejects(plain.send(message));
    const upgraded = await smarthost(files, 'smtp');
    await assert.rejects(upgraded.send(message), /self-signed/, 'an untrusted certificate');
    assert.deepEqual(seen, []);
    // As an operator does with NODE_EXTRA_CA_CERTS.
    const before = getCACertificates('default');
    setDefaultCACertificates([...before, readFileSync(cert, 'utf8')]);
    t.after(() => setDefaultCACertificates(before));
    await upgraded.send(message);
    await (await smarthost({ ...files, secure: true }, 'smtps')).send(message);
    assert.deepEqual(seen, ['night p@ss over TLS', 'night p@ss over TLS']);
  });

  test('retries a temporary refusal, not a permanent one', async (t) => {
    const server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      onRcptTo: ({ address }, _session, done) =>
        done(Object.assign(new Error('no'), { responseCode: address.startsWith('never') ? 550 : 450 })),
    });
    server.on('error', () => {});
    await once(server.listen(0, '127.0.0.1'), 'listening');
    t.after(() => new Promise<void>((done) => server.close(() => done())));
    const smarthost = `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
    const to = (address: string) => mail({ smarthost, from: 'gate@example.net', to: [address] });
    await assert.rejects(to('never@example.net').send(message), Undeliverable);
    await assert.rejects(to('later@example.net').send(message), (error) => !(error instanceof Undeliverable));
  });
});

const rfc5424 = new RegExp(
  '^<84>1 2023-11-14T22:13:20\\.000Z \\S+ sekisho \\d+ rate ' +
    '\\[sekisho@32473 id="11111111-2222-3333-4444-555555555555" kind="rate" level="trouble"\\] ' +
    'gate: under attack, 500 probes so far; 500 probes in 5 s',
);

async function collect(owner: Owner, server: Server): Promise<{ port: number; text: Promise<string> }> {
  const got = Promise.withResolvers<string>();
  server.on('connection', () => {});
  server.on(
    server.listenerCount('secureConnection') >= 0 && 'setSecureContext' in server
      ? 'secureConnection'
      : 'connection',
    (socket) => {
      let text = '';
      socket.setEncoding('latin1');
      socket.on('data', (chunk: string) => {
        text += chunk;
      });
      socket.on('end', () => got.resolve(text));
    },
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
  owner.after(() => server.close());
  return { port: (server.address() as AddressInfo).port, text: got.promise };
}

suite('syslog', () => {
  test('sends an RFC 5424 datagram over UDP', async (t) => {
    const socket = createSocket('udp4');
    t.after(() => socket.close());
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const got = once(socket, 'message');
    await syslog({ transport: 'udp', host: '127.0.0.1', port: socket.address().port }).send(message);
    const [bytes] = (await got) as [Buffer];
    assert.match(bytes.toString(), rfc5424);
  });

  test('sends with octet counting over TCP, and over TLS', async (t) => {
    const { cert, key } = await certificate(t, ['127.0.0.1']);
    const plain = await collect(t, createTcpServer());
    await syslog({ transport: 'tcp', host: '127.0.0.1', port: plain.port }).send(message);
    const [, length, line] = /^(\d+) (.*)$/s.exec(await plain.text)!;
    assert.equal(Number(length), line!.length);
    assert.match(line!, rfc5424);

    const tls = await collect(t, createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) }));
    await assert.rejects(
      syslog({ transport: 'tls', host: '127.0.0.1', port: tls.port }).send(message),
      /self-signed/,
    );
    // A private CA is trusted through NODE_EXTRA_CA_CERTS.
    const sender = await startProcess(
      t,
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import { syslog } from ${JSON.stringify(new URL('../../src/alerts/syslog.ts', import.meta.url).href)};
         await syslog({ transport: 'tls', host: '127.0.0.1', port: ${tls.port} }).send(${JSON.stringify(message)});`,
      ],
      { env: { NODE_EXTRA_CA_CERTS: cert } },
    );
    assert.equal((await sender.exited).code, 0, sender.stderr());
    assert.match(await tls.text, /^\d+ <84>1 /);
  });
});
