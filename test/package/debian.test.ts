/** The Debian package, and its page: the five commands there are run as written. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { builtInDependencies, runtimeDependencies } from '../../tools/dependencies.ts';
import { pages } from '../docs/markdown.ts';
import { onMachine, withoutMachine } from '../support/debian-machine.ts';
import { packageJson, root, run } from '../support/installed-package.ts';
import type { Owner } from '../support/owner.ts';
import { without } from '../support/peers.ts';
import { runProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';

const skip = without('dpkg-deb', 'apache2', 'curl', 'setpriv', 'ip') || (await withoutMachine());

/** Built in a copy of the checkout, because a build replaces `dist`, which other tests read. */
async function buildDeb(owner: Owner): Promise<string> {
  const folder = await tempDir(owner, 'deb');
  const copy = join(folder, 'copy');
  mkdirSync(copy);
  const sources = [
    'package.json',
    'package-lock.json',
    'tsconfig.json',
    'tsconfig.build.json',
    'src',
    'plugins',
    'tools',
    'config',
  ];
  for (const name of [...sources, 'README.md', 'CHANGELOG.md', 'LICENSE'])
    cpSync(join(root, name), join(copy, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  const { code, stdout, stderr } = await runProcess(process.execPath, ['tools/deb.ts', folder], {
    cwd: copy,
    env: { DEBFULLNAME: 'A Builder', DEBEMAIL: 'builder@example.net' },
    timeout: 300_000,
  });
  assert.equal(code, 0, stderr);
  return stdout.trim();
}

/** The text after `@name ` in the output of a script. */
const said = (stdout: string, name: string): string =>
  new RegExp(`^@${name} (.*)$`, 'm').exec(stdout)?.[1] ?? `nothing: ${stdout}`;

const deb = skip === false ? await buildDeb({ after }) : '';

suite('the Debian package', { skip }, () => {
  test('has the right control data', async () => {
    const control = await run('dpkg-deb', ['--field', deb], root);
    assert.match(control, /^Package: sekisho$/m);
    assert.match(control, new RegExp(`^Version: ${packageJson.version}$`, 'm'));
    assert.match(control, /^Depends: libc6 /m);
    assert.match(control, /^Maintainer: A Builder <builder@example\.net>$/m);
    assert.match(control, /^Description: (?!an? )\S/im);
  });

  test('everything in it belongs to root, and nobody else can write it', async () => {
    const listing = (await run('dpkg-deb', ['--contents', deb], root)).trim().split('\n');
    assert.deepEqual(
      listing.filter((line) => !/^[dl-]r.x?.*root\/root /.test(line) || /^-.{4}w|^-.{7}w/.test(line)),
      [],
    );
    const names = listing.map((line) => line.split(/\s+/)[5]);
    assert.deepEqual(
      names
        .filter((name) =>
          /sekisho\/(?:test|bench|docs|node_modules\/(?:typescript|vite|playwright-core))\/|sekisho\/(?:dist|config).*(?<!\.d)\.ts$/.test(
            name!,
          ),
        )
        .slice(0, 5),
      [],
      'nothing of the development',
    );
  });

  test('five commands lead from nothing to a protected Apache', async (t) => {
    const page = pages.find(({ path }) => path === 'docs/how-to/debian.md')!;
    const block = page.blocks.find(({ text }) => text.includes('apt-get install'))!;
    const commands = block.text.trimEnd().split('\n');
    assert.ok(commands.length <= 5, block.text);
    assert.ok(
      commands.every((line) => !/&&|\|\||; sudo/.test(line)),
      'a command a line',
    );
    const ask = "curl -s -o /tmp/answer -w '%{http_code}' --max-time 5";
    const { code, stdout, stderr } = await onMachine(
      t,
      `apachectl start
# Apache as it comes says 200 to a scanner: this is what is to change.
echo "@bare $(${ask} --retry 20 --retry-connrefused --retry-delay 1 -x http://127.0.0.1:80 http://www.example.com/)"
${block.text}
for n in $(seq 60); do grep -q '^listening http' service.log && break; sleep 0.5; done
cat service.log
echo "@page $(${ask} -H 'Host: www.example.net' http://127.0.0.1/) $(grep -o 'It works' /tmp/answer | head -n 1)"
echo "@probe $(${ask} -x http://127.0.0.1:80 http://www.example.com/)"
echo "@direct $(${ask} http://127.0.0.1:8081/)"
pid=$(pgrep -f 'dist/program/cli.cjs start')
echo "@user $(stat -c %U /proc/$pid)"
echo "@config $(stat -c '%U:%G %a' /etc/sekisho/sekisho.yaml)"
echo "@capabilities $(sed -n 's/^CapEff:\\s*//p' /proc/$pid/status)"
kill "$pid"
dpkg --purge sekisho
echo "@left $(ls -d /etc/sekisho /var/lib/sekisho /usr/lib/sekisho /usr/bin/sekisho 2>/dev/null | wc -l)"
`,
      [deb],
    );
    assert.equal(code, 0, stdout + stderr);
    const results = Object.fromEntries(
      ['bare', 'page', 'probe', 'direct', 'user', 'config', 'capabilities', 'left'].map((name) => [
        name,
        said(stdout, name),
      ]),
    );
    assert.deepEqual(results, {
      bare: '200',
      page: '200 It works',
      probe: '421',
      direct: '200',
      user: 'sekisho',
      config: 'root:sekisho 640',
      // Only CAP_NET_BIND_SERVICE.
      capabilities: '0000000000000400',
      left: '0',
    });
  });

  test('five commands lead from nothing to a protected Apache with HTTPS and its own certificate', {
    skip: without('pebble', 'pebble-challtestsrv', 'openssl'),
  }, async (t) => {
    const page = pages.find(({ path }) => path === 'docs/how-to/https.md')!;
    const block = page.blocks.find(({ text }) => text.includes('apt-get install'))!;
    const commands = block.text.trimEnd().split('\n');
    assert.ok(commands.length <= 5, block.text);
    const [install, init, ...others] = commands;
    const ask = "curl -s -o /tmp/answer -w '%{http_code}' --max-time 5";
    const secure = `${ask} --cacert root.pem --resolve www.example.net:443:127.0.0.1`;
    const pebble = {
      pebble: {
        ...{ listenAddress: '127.0.0.1:14000', managementListenAddress: '127.0.0.1:15000' },
        ...{
          certificate: '/root/pebble.pem',
          privateKey: '/root/pebble.key',
          httpPort: 80,
          tlsPort: 443,
          ocspResponderURL: '',
        },
      },
    };
    const { code, stdout, stderr } = await onMachine(
      t,
      `apachectl start
${install}
# The authority: Pebble, where every name leads to this machine.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \\
  -keyout pebble.key -out pebble.pem 2>/dev/null
echo '${JSON.stringify(pebble)}' >pebble.json
pebble-challtestsrv -http01 '' -https01 '' -tlsalpn01 '' -defaultIPv6 '' -dns01 127.0.0.1:8053 -management 127.0.0.1:8055 >names.log 2>&1 &
names=$!
PEBBLE_VA_NOSLEEP=1 pebble -config pebble.json -dnsserver 127.0.0.1:8053 >pebble.log 2>&1 &
authority=$!
${init}
echo "@said $(grep -c 'acme: { email: "admin@example.net", terms: agreed }' /etc/sekisho/sekisho.yaml)"
cp pebble.pem /etc/sekisho/
sed -i 's|terms: agreed|terms: agreed, directory: "https://localhost:14000/dir", ca: /etc/sekisho/pebble.pem|' /etc/sekisho/sekisho.yaml
${others.join('\n')}
for n in $(seq 120); do grep -q 'certificate for www.example.net was issued' service.log && break; sleep 0.5; done
cat service.log
curl -s --cacert pebble.pem -o root.pem --retry 10 --retry-connrefused https://localhost:15000/roots/0
for n in $(seq 20); do [ "$(${secure} https://www.example.net/)" = 200 ] && break; sleep 0.5; done
echo "@page $(${secure} https://www.example.net/) $(grep -o 'It works' /tmp/answer | head -n 1)"
echo "@sent $(${ask} -H 'Host: www.example.net' http://127.0.0.1/)"
echo "@probe $(${ask} -x http://127.0.0.1:80 http://www.example.com/)"
echo "@inside $(${secure} -H 'Host: www.example.com' https://www.example.net/)"
echo "@folder $(stat -c '%U %a' /var/lib/sekisho/acme) $(stat -c '%U %a' /var/lib/sekisho/acme/certificates/www.example.net.pem)"
kill "$(pgrep -f 'dist/program/cli.cjs start')" "$authority" "$names"
`,
      [deb],
    );
    assert.equal(code, 0, stdout + stderr);
    const results = Object.fromEntries(
      ['said', 'page', 'sent', 'probe', 'inside', 'folder'].map((name) => [name, said(stdout, name)]),
    );
    assert.deepEqual(
      results,
      {
        said: '1',
        page: '200 It works',
        sent: '301',
        probe: '421',
        inside: '421',
        folder: 'sekisho 700 sekisho 600',
      },
      stdout + stderr,
    );
  });

  test('contains the licences and the bill of materials', async (t) => {
    const folder = await tempDir(t, 'documents');
    await run('dpkg-deb', ['--extract', deb, folder], root);
    const text = (name: string): string => readFileSync(join(folder, 'usr/share/doc/sekisho', name), 'utf8');
    const copyright = text('copyright');
    const inNode = text('LICENSE.node');
    const bill = JSON.parse(text('sekisho.cdx.json')) as { components: { name: string; version: string }[] };
    for (const { name, version, license, path } of runtimeDependencies(root)) {
      assert.ok(copyright.includes(`\n${name} ${version}: ${license}\n`), name);
      const files = readdirSync(join(folder, 'usr/lib/sekisho', path));
      // One package states its licence only in its readme.
      assert.ok(
        files.some((file) => /^(?:licen[cs]e|copying|readme)/i.test(file)),
        path,
      );
    }
    for (const { name, path } of builtInDependencies(root))
      assert.ok(copyright.includes(readFileSync(join(root, path, 'LICENSE'), 'utf8').trim()), name);
    // The licence of Node, and of the software in it.
    for (const part of [
      'Copyright Node.js contributors',
      '- V8, ',
      '- OpenSSL, ',
      '- llhttp, ',
      '- undici, ',
    ])
      assert.ok(inNode.includes(part), part);
    for (const part of Object.keys({ ada: 1, simdjson: 1, nghttp2: 1 }))
      assert.ok(part in process.versions && inNode.includes(part), part);
    const names = new Map(bill.components.map(({ name, version }) => [name, version]));
    assert.deepEqual(
      ['node', 'preact', 'uplot'].map((name) => names.has(name)),
      [true, true, true],
    );
    assert.equal(names.get('node'), process.versions.node);
    const log = gunzipSync(readFileSync(join(folder, 'usr/share/doc/sekisho/changelog.gz'))).toString();
    assert.match(log, new RegExp(`^sekisho \\(${packageJson.version}\\) [\\s\\S]* -- A Builder <builder@`));
  });

  test('installs the manual page, and completion where the shells look for it', async (t) => {
    const folder = await tempDir(t, 'manual');
    await run('sh', ['-c', 'dpkg-deb --fsys-tarfile "$0" | tar -x ./usr/share', deb], folder);
    const read = (name: string): Buffer => readFileSync(join(folder, 'usr/share', name));
    assert.match(gunzipSync(read('man/man1/sekisho.1.gz')).toString(), /^\.TH SEKISHO 1 /);
    assert.match(read('bash-completion/completions/sekisho').toString(), /^complete -F _sekisho sekisho$/m);
    assert.match(read('zsh/vendor-completions/_sekisho').toString(), /^#compdef sekisho\n/);
    assert.match(read('fish/vendor_completions.d/sekisho.fish').toString(), /^complete -c sekisho -f$/m);
  });

  test('an upgrade and a removal keep the config; a purge deletes it', async (t) => {
    const { code, stdout, stderr } = await onMachine(
      t,
      `mkdir -p /etc/logrotate.d
dpkg -i sekisho_*.deb
log() { echo "@log-$1 $(stat -c '%U:%G %a %F' /var/log/sekisho /etc/logrotate.d/sekisho 2>/dev/null | tr '\\n' ' ')"; }
log installed
echo 'mine: true' >/etc/sekisho/sekisho.yaml
chown root:sekisho /etc/sekisho/sekisho.yaml
chmod 640 /etc/sekisho/sekisho.yaml
echo key >/etc/sekisho/own.key
echo journal >/var/lib/sekisho/journal.db
state() { echo "@$1 $(cat /etc/sekisho/sekisho.yaml /etc/sekisho/own.key /var/lib/sekisho/journal.db 2>/dev/null | tr '\\n' ' ')$(stat -c '%U:%G %a' /etc/sekisho/sekisho.yaml 2>/dev/null)"; }
dpkg -i sekisho_*.deb
state upgraded
echo "@shipped $(dpkg-query --listfiles sekisho | grep -c '^/etc')"
dpkg --remove sekisho
state removed
dpkg --purge sekisho
state purged
log purged
`,
      [deb],
    );
    assert.equal(code, 0, stdout + stderr);
    const kept = 'mine: true key journal root:sekisho 640';
    assert.deepEqual(
      ['upgraded', 'shipped', 'removed', 'purged'].map((name) => said(stdout, name)),
      // The package owns nothing below /etc, so dpkg has nothing to replace or to ask about.
      [kept, '0', kept, 'key '],
    );
    assert.deepEqual(
      ['log-installed', 'log-purged'].map((name) => said(stdout, name)),
      ['sekisho:sekisho 750 directory root:root 644 regular file ', ''],
    );
  });

  test('the unpacked command runs with its own Node', async (t) => {
    const folder = await tempDir(t, 'unpacked');
    await run('dpkg-deb', ['--extract', deb, folder], root);
    const home = join(folder, 'usr/lib/sekisho');
    const args = ['dist/program/cli.cjs', 'check', '--config', 'config/sekisho.yaml'];
    const { code, stdout, stderr } = await runProcess(join(home, 'bin/node'), args, {
      cwd: home,
      env: { PATH: '', NODE_PATH: undefined },
    });
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.match(stdout, /is fine/);
  });
});
