/** Domains from a file. */
import assert from 'node:assert/strict';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { DomainFile, loadDomains, readDomains } from '../../src/smtp/domain-file.ts';
import { DomainTable } from '../../src/smtp/domains.ts';
import { eventually } from '../support/eventually.ts';
import { tempDir } from '../support/temp-dir.ts';
import { Dialogue } from './dialogue.ts';
import { mailSink, startGuard } from './support.ts';

test('formats: one domain a line, Postfix relay_domains, the text of a hash map', () => {
  const table = readDomains(`# ours
example.net
mx.example.net,
  and what goes on here, as Postfix has it
example.org\tOK
.example.com   relay:[192.0.2.1]   # every name below
*.example.edu
b\u00fccher.example
[192.0.2.1]\r
`);
  for (const ours of [
    'example.net',
    'mx.example.net',
    'example.org',
    'a.b.example.com',
    'x.example.edu',
    'xn--bcher-kva.example',
    '[192.0.2.1]',
  ])
    assert.ok(table.has(ours), ours);
  for (const foreign of ['example.com', 'example.edu', 'x.example.net', 'and', 'com', 'ok', 'notexample.com'])
    assert.ok(!table.has(foreign), foreign);
});

test('a line that is no domain is an error with its line number', async (t) => {
  const file = join(await tempDir(t, 'domains'), 'domains');
  await writeFile(file, 'example.net\nuser@example.org  x\n');
  assert.throws(() => loadDomains(file), /domains: line 2: user@example\.org is no domain; write a name/);
  assert.throws(() => loadDomains(`${file}.none`), /ENOENT/);
});

test('among a hundred thousand domains and as many wildcards, a look-up takes one step a label', (t) => {
  const names = Array.from({ length: 100_000 }, (_, i) => `d${i}.example.com`);
  const table = new DomainTable([...names, ...names.map((name) => `*.${name}`)]);
  const { mock } = t.mock.method(Set.prototype, 'has');
  assert.ok(table.has('d77777.example.com') && table.has('a.b.d99999.example.com'));
  assert.ok(!table.has('a.b.c.example.org'));
  assert.ok(mock.callCount() <= 3 * 6, `${mock.callCount()} look-ups`);
});

test('a changed file is reloaded; an invalid one changes nothing', async (t) => {
  const folder = await tempDir(t, 'domains');
  const file = join(folder, 'domains');
  await writeFile(file, 'example.net\n');
  const errors: string[] = [];
  let reloads = 0;
  const domains = new DomainFile(
    file,
    { onError: ({ message }) => errors.push(message), onReload: () => reloads++ },
    20,
  );
  t.after(() => domains.close());
  assert.ok(domains.has('example.net') && !domains.has('example.org'));
  await writeFile(`${file}.new`, 'example.org\n');
  await rename(`${file}.new`, file);
  await eventually(() => reloads === 1, 'the new file');
  assert.ok(domains.has('example.org') && !domains.has('example.net'));
  await writeFile(file, 'example.org\nno domain\n!\n');
  await eventually(() => errors.length === 1, 'the error');
  assert.match(errors[0]!, /line 3/);
  assert.ok(domains.has('example.org'));
});

test('the guard owns the domains in the file', async (t) => {
  const file = join(await tempDir(t, 'domains'), 'domains');
  await writeFile(file, 'example.edu\n');
  const sink = await mailSink(t);
  const { port } = await startGuard(t, sink.port, { domains: { file } });
  const client = await Dialogue.greeted(t, port);
  await client.say('MAIL FROM:<a@example.org>');
  assert.equal(await client.code('RCPT TO:<user@example.edu>'), 250);
  assert.equal(await client.code('RCPT TO:<user@example.net>'), 550);
});
