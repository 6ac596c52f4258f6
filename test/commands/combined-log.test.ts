/** `log.access: combined`: the real GoAccess and AWStats can read it, whatever clients put into it. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { root } from '../support/gateway-process.ts';
import { requirePeer, without } from '../support/peers.ts';
import { type RunningProcess, runProcess, startProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { tempDir } from '../support/temp-dir.ts';

suite('the Combined Log Format', () => {
  let folder = '';
  let gateway: RunningProcess;
  let lines: string[] = [];
  const ends: (() => unknown)[] = [];
  const owner = { after: (end: () => unknown) => void ends.push(end) };
  after(async () => {
    for (const end of ends.reverse()) await end();
  });

  before(async () => {
    folder = await tempDir(owner, 'combined');
    const config = join(folder, 'sekisho.yaml');
    await writeFile(
      config,
      'listen: ["127.0.0.1:0"]\nsites: [{ hosts: [www.example.net], backend: welcome }]\nbans: false\nlog: { file: sekisho.log, access: combined }\n',
    );
    gateway = await startProcess(
      owner,
      process.execPath,
      [join(root, 'src/cli.ts'), 'start', '--config', config],
      { cwd: root },
    );
    const [, port] = await gateway.waitForLine(/^listening http 127\.0\.0\.1:(\d+)$/, 30_000);
    const send = (head: string) => exchange(Number(port), `${head}Connection: close\r\n\r\n`);
    const host = 'Host: www.example.net\r\n';
    await send(
      `GET /page?a=b HTTP/1.1\r\n${host}Referer: https://www.example.org/from\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0\r\n`,
    );
    await send(`GET / HTTP/1.0\r\n${host}User-Agent: a" 200 1 "b\\\xe9\r\n`);
    await send(`HEAD /page HTTP/1.1\r\n${host}`);
    await send('GET http://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\n');
    await eventually(async () => {
      lines = (await readFile(join(folder, 'access.log'), 'latin1')).split('\n').slice(0, -1);
      return lines.length >= 3;
    }, 'three lines');
  });

  test('contains each forwarded request with bytes, referer and agent, and nothing else', async () => {
    assert.equal(lines.length, 3);
    const [page, odd, head] = lines;
    assert.match(
      page!,
      /^127\.0\.0\.1 - - \[\d\d\/[A-Z][a-z]{2}\/\d{4}(?::\d\d){3} \+0000\] "GET \/page\?a=b HTTP\/1\.1" 200 [1-9]\d+ "https:\/\/www\.example\.org\/from" "Mozilla\/5\.0 \(X11; Linux x86_64\) Firefox\/140\.0"$/,
    );
    assert.match(
      odd!,
      /"GET \/ HTTP\/1\.0" 200 \d+ "-" "a\\x22 200 1 \\x22b\\\\\\xe9"$/,
      'no field is forged',
    );
    assert.match(head!, /"HEAD \/page HTTP\/1\.1" 200 0 "-" "-"$/);
    assert.match(await readFile(join(folder, 'sekisho.log'), 'utf8'), /"event":"probe"/);
  });

  test('GoAccess reads every line', { skip: without('goaccess') }, async () => {
    const report = join(folder, 'report.json');
    const run = await runProcess(requirePeer('goaccess'), [
      join(folder, 'access.log'),
      '--no-global-config',
      '--log-format=COMBINED',
      '--no-progress',
      '-o',
      report,
    ]);
    assert.equal(run.code, 0, run.stderr);
    const { general, referring_sites } = JSON.parse(await readFile(report, 'utf8'));
    assert.deepEqual([general.valid_requests, general.failed_requests], [3, 0], JSON.stringify(general));
    assert.ok(general.bandwidth > 0);
    const sites = referring_sites.data.map(({ data }: { data: string }) => data);
    assert.deepEqual(sites, ['www.example.org']);
  });

  test('AWStats reads every line', { skip: without('awstats.pl') }, async () => {
    const config = join(folder, 'awstats.gate.conf');
    await writeFile(
      config,
      `LogFile="${join(folder, 'access.log')}"\nLogType=W\nLogFormat=1\nSiteDomain="www.example.net"\nDirData="${folder}"\nDNSLookup=0\nSkipHosts=""\n`,
    );
    const run = await runProcess('perl', [
      requirePeer('awstats.pl'),
      '-config=gate',
      `-configdir=${folder}`,
      '-update',
    ]);
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stdout, /Found 0 corrupted records/);
    assert.match(run.stdout, /Found 3 new qualified records/);
  });
});
