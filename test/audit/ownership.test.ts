import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ownToken, proveOwnership, tokenPath } from '../../src/audit/ownership.ts';
import { audited } from '../support/audited.ts';
import { scriptedServer } from '../support/scripted-server.ts';
import { tempDir } from '../support/temp-dir.ts';

const token = `sekisho-audit-${'0'.repeat(32)}`;
const noRecords = { txt: () => Promise.reject(new Error('ENOTFOUND')), reverse: () => Promise.resolve([]) };
const question = (port: number) => ({ address: '127.0.0.1', name: 'www.example.net', ports: [port], token });

/** Serves `body` with `status` at the token's path. */
const serving =
  (status: string, body: string) =>
  (socket: import('node:net').Socket): void => {
    socket.once('data', (chunk) => {
      const found = chunk
        .toString('latin1')
        .startsWith(`GET ${tokenPath} HTTP/1.1\r\nHost: www.example.net:`);
      const [line, text] = found ? [status, body] : ['404 Not Found', 'no'];
      socket.end(`HTTP/1.1 ${line}\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
    });
  };

test('the token in a file on the server proves ownership', async (t) => {
  const port = await scriptedServer(t, serving('200 OK', `# ours\n${token}\n`));
  assert.equal(await proveOwnership(question(port), noRecords), `token file at port ${port}`);
});

for (const [what, status, body] of [
  ['another token', '200 OK', `sekisho-audit-${'1'.repeat(32)}`],
  ['a longer word', '200 OK', `${token}0`],
  ['an error page that holds it', '404 Not Found', token],
  ['a redirect', '302 Found', token],
] as const) {
  test(`${what} does not prove ownership`, async (t) => {
    const port = await scriptedServer(t, serving(status, body));
    assert.equal(await proveOwnership(question(port), noRecords), null);
  });
}

test('a TXT record counts only if the address claims the name', async (t) => {
  const port = await scriptedServer(t, serving('404 Not Found', 'no'));
  const asked: string[] = [];
  const dns = (claims: string[]) => ({
    txt: (name: string) => {
      asked.push(name);
      return Promise.resolve([[token.slice(0, 20), token.slice(20)]]);
    },
    reverse: () => Promise.resolve(claims),
  });
  assert.match((await proveOwnership(question(port), dns(['WWW.example.net.']))) ?? '', /^TXT record/);
  assert.deepEqual(asked, ['_sekisho-audit.www.example.net']);
  // Anyone can point their own name at any address, so the address's PTR record decides.
  assert.equal(await proveOwnership(question(port), dns(['host.example.com'])), null);
  assert.equal(await proveOwnership(question(port), dns(['evilwww.example.net'])), null);
});

test('the token is created once, readable only by its owner', async (t) => {
  const file = join(await tempDir(t, 'token'), 'sekisho', 'audit-token');
  const first = await ownToken(file);
  assert.match(first, /^sekisho-audit-[0-9a-f]{32}$/);
  assert.equal(await ownToken(file), first);
  assert.equal((await readFile(file, 'utf8')).trim(), first);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
});

for (const target of ['192.0.2.1', '[2001:db8::1]:80', '169.254.169.254:80', '8.8.8.8:53']) {
  test(`${target} is not audited without --i-own-this`, async () => {
    const { code, stdout, stderr } = await audited(target);
    assert.equal(code, 2);
    assert.equal(stdout, '');
    assert.match(stderr, /neither a loopback nor a private address.*--i-own-this/);
  });
}
