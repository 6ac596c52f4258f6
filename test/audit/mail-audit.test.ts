import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { TLSSocket } from 'node:tls';
import { auditPort } from '../support/audit-port.ts';
import { certificate } from '../support/certificate.ts';
import { scriptedServer } from '../support/scripted-server.ts';

/** A mail server that answers each command with `reply`. */
function mailServer(
  reply: (command: string, state: { secure: boolean }) => string,
  tls?: { key: string; cert: string },
): (socket: Socket) => void {
  const commands = (socket: Socket, state: { secure: boolean }): void => {
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      for (let end = text.indexOf('\r\n'); end !== -1; end = text.indexOf('\r\n')) {
        const command = text.slice(0, end);
        text = text.slice(end + 2);
        if (command === 'STARTTLS' && tls !== undefined) {
          socket.removeAllListeners('data');
          socket.write('220 go ahead\r\n');
          commands(new TLSSocket(socket, { isServer: true, ...tls }), { secure: true });
          return;
        }
        socket.write(`${reply(command, state)}\r\n`);
      }
    });
  };
  return (socket) => {
    socket.write('220 mx.example.net ESMTP\r\n');
    commands(socket, { secure: false });
  };
}

const polite = (command: string): string | null => {
  if (command.startsWith('EHLO')) return '250-mx.example.net\r\n250 PIPELINING';
  return /^(?:RSET|MAIL|NOOP)/.test(command) ? '250 ok' : null;
};

test('acceptance at the own domain is unclear if a made-up mailbox is accepted too', async (t) => {
  const port = await scriptedServer(
    t,
    mailServer(
      (command) => polite(command) ?? (/@mx\.example\.net>?$/.test(command) ? '250 ok' : '550 no relaying'),
    ),
  );
  const { relays, findings } = await auditPort(t, port);
  assert.deepEqual(relays, []);
  const percent = findings.find(({ technique }) => technique === 'smtp-percent-hack');
  assert.equal(percent?.result, 'unclear');
  assert.match(percent.why, /made-up mailbox/);
});

test('a percent hack is proven if made-up mailboxes are refused', async (t) => {
  const port = await scriptedServer(
    t,
    mailServer(
      (command) => polite(command) ?? (command.includes('%example.com@') ? '250 ok' : '550 unknown user'),
    ),
  );
  const { relays } = await auditPort(t, port);
  assert.ok(relays.includes('smtp-percent-hack'));
  assert.ok(!relays.includes('smtp-foreign-recipient'));
});

test('a server that refuses our sender even for postmaster is unclear', async (t) => {
  const refusing = (postmaster: string) =>
    mailServer(
      (command) =>
        polite(command) ??
        (/<postmaster/i.test(command) ? postmaster : '550 5.1.8 <x@y>: Sender address rejected'),
    );
  const { findings } = await auditPort(
    t,
    await scriptedServer(t, refusing('550 5.1.8 Sender address rejected')),
  );
  assert.ok(findings.length > 30 && findings.every(({ result }) => result === 'unclear'));
  assert.match(findings[0]!.why, /not even for postmaster: 550 5\.1\.8/);
  const control = await auditPort(t, await scriptedServer(t, refusing('250 ok')));
  assert.ok(control.findings.every(({ result }) => result === 'refuses'));
});

test('greylisting is unclear, a temporary code that denies relaying is a refusal', async (t) => {
  const port = await scriptedServer(
    t,
    mailServer(
      (command) =>
        polite(command) ??
        (command.includes('@mx.') ? '450 4.2.0 greylisted' : '454 4.7.1 <x@y>: Relay access denied'),
    ),
  );
  const { findings } = await auditPort(t, port);
  const by = (id: string) => findings.find(({ technique }) => technique === id);
  assert.equal(by('smtp-foreign-recipient')?.result, 'refuses');
  assert.equal(by('smtp-percent-hack')?.result, 'unclear');
});

test('no session goes further than RCPT', async (t) => {
  const said: string[] = [];
  const port = await scriptedServer(
    t,
    mailServer((command) => {
      said.push(command.split(/[ :]/)[0]!);
      return polite(command) ?? '250 ok';
    }),
  );
  await auditPort(t, port);
  assert.deepEqual([...new Set(said)].sort(), ['EHLO', 'MAIL', 'QUIT', 'RCPT', 'RSET']);
});

test('a server that requires STARTTLS is audited inside TLS', async (t) => {
  const files = await certificate(t, ['mx.example.net']);
  const key = await readFile(files.key, 'utf8');
  const cert = await readFile(files.cert, 'utf8');
  const port = await scriptedServer(
    t,
    mailServer(
      (command, { secure }) => {
        if (command.startsWith('EHLO'))
          return secure ? '250 mx.example.net' : '250-mx.example.net\r\n250 STARTTLS';
        if (!secure) return '530 5.7.0 Must issue a STARTTLS command first';
        return /^(?:RSET|MAIL)/.test(command)
          ? '250 ok'
          : /example\.com>$/.test(command)
            ? '250 ok'
            : '550 no';
      },
      { key, cert },
    ),
  );
  const { relays } = await auditPort(t, port);
  assert.ok(relays.includes('smtp-foreign-recipient'));
});

test('a mail server with a slow greeting is still recognized', async (t) => {
  let connections = 0;
  const port = await scriptedServer(t, (socket) => {
    connections += 1;
    if (connections > 3) return void socket.destroy();
    // Silent until the client sends something: looks like a slow greeting.
    socket.once('data', () => socket.write('220 mx.example.net ESMTP\r\n502 what?\r\n'));
  });
  const { notes, findings } = await auditPort(t, port, { patience: 100 });
  assert.deepEqual(findings, []);
  assert.match(notes[0] ?? '', /mail techniques stopped/);
});
