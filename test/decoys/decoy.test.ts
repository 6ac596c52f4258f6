import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { anyProtocol } from '../../src/decoys/conversation.ts';
import { mailConversation } from '../../src/decoys/mail-server.ts';
import { httpRefusals } from '../../src/decoys/refusals.ts';
import { turnConversation } from '../../src/decoys/turn-server.ts';
import { bindFailure } from '../../src/listener/bind.ts';
import { root } from '../support/gateway-process.ts';
import { nmap } from '../support/nmap.ts';
import { watchDials } from '../support/no-dial.ts';
import { requirePeer, without } from '../support/peers.ts';
import { runProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { tempDir } from '../support/temp-dir.ts';
import { startDecoy } from './support.ts';

const socks5Name = (name: string, port: number): string =>
  `\x05\x01\x00\x03${String.fromCharCode(name.length)}${name}${String.fromCharCode(port >> 8, port & 255)}`;

test('HTTP in every form: 403 or 405, recorded with the requested target', async (t) => {
  const { port, events } = await startDecoy(t, 'http-proxy');
  const rows = [
    [
      'GET http://www.example.com/index.html HTTP/1.0\r\n\r\n',
      403,
      'absolute-form-foreign',
      'www.example.com/index.html',
      'web',
    ],
    [
      'CONNECT mail.example.com:25 HTTP/1.1\r\nHost: mail.example.com:25\r\n\r\n',
      405,
      'connect',
      'mail.example.com:25',
      'mail-relay',
    ],
    ['connect mail.example.com:25 HTTP/1.0\r\n\r\n', 405, 'connect', 'mail.example.com:25', 'mail-relay'],
    [
      'POST http://169.254.169.254/latest HTTP/1.1\r\nHost: 169.254.169.254\r\nContent-Length: 2\r\n\r\nab',
      403,
      'absolute-form-foreign',
      '169.254.169.254/latest',
      'metadata',
    ],
    ['GET ftp://www.example.com/ HTTP/1.0\r\n\r\n', 403, 'absolute-form-scheme', null, null],
    ['GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n', 403, 'host-foreign', 'www.example.com', 'web'],
  ] as const;
  for (const [bytes, status, rule, destination, intent] of rows) {
    const reply = await exchange(port, bytes);
    assert.equal(reply.responses[0]?.status, status, bytes);
    assert.equal(reply.ended, 'closed');
    const event = events.at(-1)!;
    assert.equal(event.rule, rule, bytes);
    assert.equal(event.answer, status);
    assert.match(event.listener, /^decoy http-proxy 127\.0\.0\.1:\d+$/);
    if (destination !== null) assert.equal(event.destination?.replace(/^http:\/\//, ''), destination);
    if (intent !== null) assert.equal(event.intent, intent);
  }
  assert.equal(events.length, rows.length);
});

test('an event has both ends of its connection, the protocol and the session id', async (t) => {
  const { port, events } = await startDecoy(t, 'socks');
  const ports: number[] = [];
  for (const bytes of [socks5Name('www.example.com', 80), 'CONNECT mail.example.com:25 HTTP/1.1\r\n\r\n']) {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    ports.push(socket.localPort!);
    socket.resume().end(Buffer.from(bytes, 'latin1'));
    await once(socket, 'close');
  }
  assert.deepEqual(
    events.map(({ clientPort, localAddress, localPort, protocol }) => [
      ...[clientPort, localAddress, localPort, protocol],
    ]),
    [
      [ports[0], '127.0.0.1', port, 'socks5'],
      [ports[1], '127.0.0.1', port, 'http/1.1'],
    ],
  );
  assert.ok(events.every(({ session }) => typeof session === 'string'));
  assert.notEqual(events[0]!.session, events[1]!.session);
});

test('SOCKS4, 4a and 5: refused in their own protocol, with the destination recorded', async (t) => {
  const { port, events } = await startDecoy(t, 'socks');
  const rows = [
    ['\x04\x01\x00\x19\xc0\x00\x02\x01\x00', '005b000000000000', 'socks4', '192.0.2.1:25'],
    [
      '\x04\x01\x00\x50\x00\x00\x00\x01root\x00www.example.com\x00',
      '005b000000000000',
      'socks4',
      'www.example.com:80',
    ],
    [
      ['\x05\x01\x00', socks5Name('www.example.com', 443)],
      '050005020001000000000000',
      'socks5',
      'www.example.com:443',
    ],
    [
      `\x05\x01\x00${socks5Name('www.example.com', 443)}`,
      '05020001000000000000',
      'socks5',
      'www.example.com:443',
    ],
    [
      ['\x05\x02\x02\x00', '\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x19'],
      '050005020001000000000000',
      'socks5',
      '192.0.2.1:25',
    ],
    [['\x05\x01\x02', '\x01\x04user\x06secret'], '05020101', 'socks5', null],
    ['\x05\x01\x01', '05ff', 'socks5', null],
    ['\x05\x02\x00\x02\x01\x04user\x06secret', '05020001000000000000', 'socks5', null],
  ] as const;
  for (const [bytes, answer, rule, destination] of rows) {
    const reply = await exchange(port, bytes as string | string[]);
    assert.equal(reply.bytes.toString('hex'), answer, JSON.stringify(bytes));
    const event = events.at(-1)!;
    assert.equal(event.rule, rule);
    assert.equal(event.destination, destination);
    // The event's answer is the last reply on the wire: its code is the second byte.
    const last =
      reply.bytes.length > 2 ? reply.bytes.subarray(answer.startsWith('0500') ? 2 : 0) : reply.bytes;
    assert.equal(event.answer, (answer === '05020101' ? last.subarray(2) : last)[1], JSON.stringify(bytes));
  }
  assert.equal(events.length, rows.length);
  assert.equal(events[0]!.intent, 'mail-relay');
  assert.doesNotMatch(JSON.stringify(events), /secret|root/);
  for (const [index, bytes] of [
    [0, /^\\x04\\x01\\x00\\x19\\xc0\\x00\\x02\\x01\\x00$/],
    [1, /\[credentials\]\\x00www\.example\.com\\x00$/],
    [5, /\[credentials\]$/],
    [7, /\[credentials\]$/],
  ] as const)
    assert.match(events[index]!.bytes, bytes);
});

test('the SOCKS command is recorded, if there is one', async (t) => {
  const { port, events } = await startDecoy(t, 'socks');
  const commands: (string | null | undefined)[] = [];
  for (const code of ['\x01', '\x02', '\x03', '\x09']) {
    await exchange(port, `\x05\x01\x00\x05${code}\x00\x01\xc0\x00\x02\x01\x00\x50`);
    commands.push(events.at(-1)!.command);
  }
  await exchange(port, '\x04\x02\x00\x19\xc0\x00\x02\x01\x00');
  await exchange(port, 'CONNECT a:1 HTTP/1.0\r\n\r\n');
  commands.push(...events.slice(-2).map(({ command }) => command));
  assert.deepEqual(commands, ['connect', 'bind', 'associate', 'unknown', 'bind', undefined]);
});

test('the answer in an event is the one on the wire', async (t) => {
  for (const speaks of ['http-proxy', 'socks', 'smtp', 'turn'] as const) {
    const { port, events } = await startDecoy(t, speaks, { messageTime: 200 });
    for (const bytes of [
      'GET http://www.example.com/ HTTP/1.0\r\n\r\n',
      'CONNECT www.example.com:25 HTTP/1.0\r\n\r\n',
      '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
      'SSH-2.0-Go\r\n',
      '\x04\x01\x00\x19\xc0\x00\x02\x01\x00',
      '\x05\x01\x00\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x50',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      '\0\x01\x02\x03\xfe\xff\r\n\r\n',
    ]) {
      const reply = await exchange(port, bytes);
      const said = speaks === 'smtp' ? reply.text.replace(/^220 .*\r\n/, '') : reply.text;
      const code = /^HTTP\/1\.1 (\d+)|^(\d{3}) /.exec(said);
      const answer =
        said === ''
          ? 'drop'
          : code === null
            ? Buffer.from(said, 'latin1')[/^\x05\0\x05/.test(said) ? 3 : 1]
            : Number(code[1] ?? code[2]);
      assert.equal(events.at(-1)?.answer, answer, `${speaks}: ${JSON.stringify(bytes)}`);
    }
    assert.equal(events.length, 8, speaks);
  }
});

test('closing the decoy records what was received so far', async (t) => {
  for (const speaks of ['http-proxy', 'tls', 'smtp'] as const) {
    const { port, decoy, events } = await startDecoy(t, speaks);
    const sender = connect(port, '127.0.0.1');
    sender.on('error', () => {});
    sender.write(
      speaks === 'smtp' ? 'RCPT TO:<user@example.com>' : 'CONNECT mail.example.com:25 HTTP/1.1\r\n',
    );
    await once(sender, 'connect');
    // Wait until the bytes are read: only the mail decoy shows that, by its greeting.
    await new Promise((done) => setTimeout(done, 50));
    await decoy.close();
    assert.deepEqual(
      events.map(({ answer }) => answer),
      ['drop'],
      speaks,
    );
  }
});

test('the same name and password have one hash in every protocol, and are never recorded in plain text', async (t) => {
  const http = await startDecoy(t, 'http-proxy');
  const mail = await startDecoy(t, 'smtp');
  const basic = Buffer.from('admin:hunter2').toString('base64');
  await exchange(http.port, `CONNECT example.com:25 HTTP/1.1\r\nProxy-Authorization: Basic ${basic}\r\n\r\n`);
  await exchange(http.port, `GET / HTTP/1.1\r\nHost: a\r\nAuthorization: basic ${basic}\r\n\r\n`);
  await exchange(http.port, ['\x05\x01\x02', '\x01\x05admin\x07hunter2']);
  await exchange(http.port, '\x05\x02\x00\x02\x01\x05admin\x07hunter2');
  const plain = Buffer.from('\0admin\0hunter2').toString('base64');
  await exchange(mail.port, `EHLO a\r\nAUTH PLAIN ${plain}\r\nQUIT\r\n`);
  await exchange(mail.port, `EHLO a\r\nAUTH PLAIN\r\n${plain}\r\nQUIT\r\n`);
  await exchange(mail.port, 'EHLO a\r\nAUTH LOGIN\r\nYWRtaW4=\r\naHVudGVyMg==\r\nQUIT\r\n');
  const events = [...http.events, ...mail.events];
  assert.equal(events.length, 7);
  const hashes = new Set(events.map(({ credentialHash }) => credentialHash));
  assert.equal(hashes.size, 1);
  assert.match([...hashes][0]!, /^[0-9a-f]{32}$/);
  assert.doesNotMatch(JSON.stringify(events), new RegExp(`hunter2|admin|${basic}|${plain}|YWRtaW4|aHVudGVy`));
  await exchange(http.port, ['\x05\x01\x02', '\x01\x05admin\x07hunter3']);
  assert.ok(!hashes.has(http.events.at(-1)!.credentialHash));
  await exchange(http.port, 'CONNECT a:1 HTTP/1.0\r\n\r\n');
  assert.equal(http.events.at(-1)!.credentialHash, undefined);
});

test('HTTP credentials are reported, and not stored', async (t) => {
  const { port, events } = await startDecoy(t, 'http-proxy');
  const secret = Buffer.from('user:secret').toString('base64');
  await exchange(port, `CONNECT example.com:25 HTTP/1.1\r\nProxy-Authorization: Basic ${secret}\r\n\r\n`);
  await exchange(port, 'GET http://user:secret@www.example.com/ HTTP/1.0\r\nCookie: session=secret\r\n\r\n');
  assert.equal(events.length, 2);
  assert.match(events[0]!.bytes, /Proxy-Authorization: /);
  assert.doesNotMatch(JSON.stringify(events), new RegExp(`secret|${secret}`));
});

test('any protocol at any decoy is refused, also silence and a truncated message', async (t) => {
  const { port, events } = await startDecoy(t, 'http-proxy', { messageTime: 100 });
  for (const [bytes, rule] of [
    ['\x05\x01\x00', 'socks5'],
    ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 'tls-on-plaintext'],
    ['EHLO x\r\n', 'smtp-on-http'],
    ['PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n', 'proxy-protocol'],
    ['CONNECT www.example.com:443 HTTP/1.1\r\n', 'connect'],
  ] as const) {
    const reply = await exchange(port, bytes);
    assert.notEqual(reply.ended, 'timeout');
    assert.doesNotMatch(reply.text, /HTTP\/1\.\d [123]/);
    assert.equal(events.at(-1)?.rule, rule, bytes);
  }
  const before = events.length;
  assert.equal((await exchange(port, '')).bytes.length, 0);
  assert.equal(events.length, before);
  await exchange(port, `GET http://www.example.com/${'x'.repeat(100_000)}`);
  assert.equal(events.length, before + 1);
  assert.ok(events.at(-1)!.bytes.length < 20_000);
});

test('scanners and clients find no proxy, their requests are recorded, and nothing is dialled', {
  skip: without('nmap', 'curl'),
}, async (t) => {
  const watch = watchDials(t);
  const socks = await startDecoy(t, 'socks');
  const http = await startDecoy(t, 'http-proxy');
  for (const [script, { port }] of [
    ['socks-open-proxy', socks],
    ['http-open-proxy', http],
  ] as const) {
    const args = { 'proxy.url': 'http://www.example.com/', 'proxy.pattern': 'example' };
    const report = await nmap({ port, script, args });
    assert.equal(report.state, 'open');
    assert.doesNotMatch(report.scripts.get(script) ?? '', /open|GET|CONNECT/i, script);
  }
  assert.ok(
    http.events.some((event) => event.destination?.includes('www.example.com')),
    'nmap over HTTP',
  );
  for (const [decoy, args, destination] of [
    [socks, ['--socks5-hostname', `127.0.0.1:${socks.port}`], 'target.example.com:8081'],
    [
      socks,
      ['--socks5', `user:pass@127.0.0.1:${socks.port}`, '--resolve', 'target.example.com:8081:192.0.2.1'],
      '192.0.2.1:8081',
    ],
    [socks, ['--socks4a', `127.0.0.1:${socks.port}`], 'target.example.com:8081'],
    [http, ['-x', `http://127.0.0.1:${http.port}`], 'target.example.com:8081'],
    [http, ['-p', '-x', `http://127.0.0.1:${http.port}`], 'target.example.com:8081'],
  ] as const) {
    const result = await runProcess(requirePeer('curl'), [
      '-sSf',
      '-m',
      '10',
      ...args,
      'http://target.example.com:8081/',
    ]);
    assert.notEqual(result.code, 0, args.join(' '));
    assert.ok(
      decoy.events.at(-1)!.destination?.includes(destination),
      `${args.join(' ')}: ${decoy.events.at(-1)!.destination}`,
    );
  }
  assert.deepEqual(watch.others(), []);
});

test('nmap socks-open-proxy: finds no proxy, and its requests are recorded', {
  skip: without('nmap'),
}, async (t) => {
  // nmap itself resolves the name, only at port 53 of a name server.
  const address = '127.83.83.83';
  const names = createSocket('udp4');
  t.after(() => names.close());
  names.on('message', (query, { port, address }) => {
    const question = query.subarray(12, query.indexOf(0, 12) + 5);
    const head = Buffer.from([query[0]!, query[1]!, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
    const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 80]);
    names.send(Buffer.concat([head, question, answer]), port, address);
  });
  names.bind(53, address);
  const [bound] = await Promise.race([
    once(names, 'listening').then(() => [true]),
    once(names, 'error').then(() => [false]),
  ]);
  if (bound !== true) return t.skip('port 53 of a loopback address cannot be bound: needs root');
  const { port, events } = await startDecoy(t, 'socks');
  const result = await runProcess(requirePeer('nmap'), [
    ...['-n', '-Pn', '-sT', '-p', `${port}`, '--dns-servers', address, '--script', '+socks-open-proxy'],
    ...['--script-args', 'proxy.url=http://www.example.com/,proxy.pattern=example', '127.0.0.1'],
  ]);
  assert.equal(result.code, 0);
  assert.doesNotMatch(result.stdout, /socks-open-proxy:/);
  assert.deepEqual(
    events.map(({ rule, destination }) => [rule, destination]),
    [
      ['socks4', '192.0.2.80:80'],
      ['socks5', '192.0.2.80:80'],
    ],
  );
});

test('a taken port names its owner', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address() as { port: number };
  await assert.rejects(
    startDecoy(t, 'socks', { listen: `127.0.0.1:${address.port}` }),
    process.platform === 'linux'
      ? new RegExp(
          `cannot listen on 127\\.0\\.0\\.1:${address.port}: the port is taken by .* \\(pid ${process.pid}\\)`,
        )
      : /the port is taken/,
  );
});

test('an address of another machine, and a port that needs root, are reported with the fix', async (t) => {
  await assert.rejects(
    startDecoy(t, 'socks', { listen: '192.0.2.55:1080' }),
    /^Error: decoys: cannot listen on 192\.0\.2\.55:1080: this machine has no such address; write one of its addresses/,
  );
  const denied = Object.assign(new Error('listen EACCES: permission denied'), { code: 'EACCES' });
  assert.match(
    bindFailure(denied, { host: '0.0.0.0', port: 25 }, 'decoys', '').message,
    /: ports below 1024 need root; start as root, with user and group/,
  );
});

test("the program does not start if a decoy's port is taken, and names its owner", async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  const config = join(await tempDir(t, 'taken'), 'sekisho.yaml');
  await writeFile(
    config,
    `decoys:\n  - { listen: "127.0.0.1:0", speaks: http-proxy }\n  - { listen: "127.0.0.1:${port}", speaks: socks }\n`,
  );
  const { code, stderr } = await runProcess(process.execPath, ['src/cli.ts', 'start', '--config', config], {
    cwd: root,
  });
  assert.equal(code, 1);
  const owner = process.platform === 'linux' ? ` by .* \\(pid ${process.pid}\\)` : '';
  assert.match(
    stderr,
    new RegExp(
      `^sekisho: decoys: cannot listen on 127\\.0\\.0\\.1:${port}: the port is taken${owner}; stop that`,
      'm',
    ),
  );
});

test('IPv6', async (t) => {
  const { port, events } = await startDecoy(t, 'socks', { listen: '[::1]:0' });
  const reply = await exchange(port, '\x04\x01\x00\x19\xc0\x00\x02\x01\x00', { host: '::1' });
  assert.equal(reply.bytes[1], 0x5b);
  assert.equal(events[0]!.client, '::1');
  assert.match(events[0]!.listener, /^decoy socks \[::1\]:/);
  // `::` accepts IPv4 too. Those clients are recorded by their IPv4 address: a ban of the /64 around ::ffff:0:0/96 would ban all of IPv4.
  const both = await startDecoy(t, 'socks', { listen: '[::]:0' });
  await exchange(both.port, '\x04\x01\x00\x19\xc0\x00\x02\x01\x00');
  assert.equal(both.events[0]!.client, '127.0.0.1');
  assert.match(both.events[0]!.listener, /^decoy socks 127\.0\.0\.1:/);
});

test('any bytes: the conversation ends, and no reply grants anything', () => {
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc
      .tuple(fc.constantFrom(4, 5), fc.uint8Array({ maxLength: 60 }))
      .map(([first, rest]) => Uint8Array.of(first, ...rest)),
  );
  fc.assert(
    fc.property(anything, (raw) => {
      const bytes = Buffer.from(raw);
      const refuse = httpRefusals('squid', 'proxy');
      for (const talk of [
        anyProtocol(refuse),
        mailConversation('[192.0.2.1]'),
        turnConversation('turn', refuse),
      ]) {
        const step = talk.read(bytes, true);
        assert.equal(step.more, false);
        if (step.more) return;
        const text = step.refuse.bytes.toString('latin1');
        assert.doesNotMatch(text, /^(?:HTTP\/1\.\d [123]|\x05\x00\x00|\x00\x5a|\x01\x00)/);
      }
    }),
    { numRuns: 5000 },
  );
});
