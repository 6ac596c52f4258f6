/** The commands that a newcomer types on a fresh Debian machine, run line by line with a separate network and /etc/apache2. */
import assert from 'node:assert/strict';
import { cpSync, symlinkSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { pages, root } from '../docs/markdown.ts';
import { without } from '../support/peers.ts';
import { runProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';

const isRoot = process.getuid?.() === 0 ? false : 'needs root: a network namespace, and port 80 in it';

test('five commands put Apache behind the gateway', {
  skip: without('apache2', 'unshare', 'ip', 'curl') || isRoot,
}, async (t) => {
  const page = pages.find(({ path }) => path === 'docs/how-to/debian-apache.md')!;
  const commands = page.blocks[0]!.text.trim().split('\n');
  assert.ok(commands.length <= 5, `${commands.length} commands`);
  const [install, ci, move, init, start] = commands as [string, string, string, string, string];
  // Skips the two that need the internet: peers and dependencies are already installed.
  assert.equal(install, 'apt-get install -y apache2 npm');
  assert.equal(ci, 'npm ci');

  const dir = await tempDir(t, 'newcomer');
  const checkout = join(dir, 'checkout');
  for (const name of ['package.json', 'src', 'plugins', 'config', 'dist'])
    cpSync(join(root, name), join(checkout, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(checkout, 'node_modules'));
  const script = join(dir, 'script.sh');
  await writeFile(
    script,
    `set -e
ip link set lo up
# What is written to these folders is gone with this mount namespace; /etc/apache2 keeps what is in it.
cp -a /etc/apache2 ${dir}/apache2 && mount --bind ${dir}/apache2 /etc/apache2
mkdir -p /run/apache2 /var/log/apache2
mount -t tmpfs tmpfs /run/apache2 && mount -t tmpfs tmpfs /var/log/apache2
apachectl start
trap 'apachectl stop; kill -- -$gateway' EXIT
echo "before: $(curl -s -o /dev/null -w '%{http_code} %{local_port}' --retry 20 --retry-connrefused http://127.0.0.1/)"
cd ${checkout}
${move.replace('systemctl restart', 'systemctl_restart')}
${init}
setsid ${start} & gateway=$!
ask() { curl -s -o ${dir}/body -w '%{http_code}' --retry 60 --retry-connrefused --retry-delay 1 "$@"; }
echo "own page: $(ask -H 'Host: www.example.net' http://127.0.0.1/) $(grep -c 'Apache2 Debian Default Page' ${dir}/body)"
echo "probe: $(ask -x http://127.0.0.1:80 http://www.example.com/)"
echo "Apache from outside: $(curl -s -o /dev/null -w '%{http_code}' http://127.0.0.2:8081/ || true)"
`.replace('set -e\n', 'set -e\nsystemctl_restart() { apachectl restart; }\n'),
  );
  const { code, stdout, stderr } = await runProcess('unshare', ['-n', '-m', 'sh', script], {
    env: { PATH: `${dirname(process.execPath)}:${process.env.PATH}:/usr/sbin` },
    timeout: 90_000,
  });
  const said = (what: string): string | undefined => new RegExp(`^${what}: (.*)$`, 'm').exec(stdout)?.[1];
  assert.match(said('before') ?? '', /^200 /, `${stdout}\n${stderr}`);
  assert.match(said('own page') ?? '', /^200 [1-9]/, `${stdout}\n${stderr}`);
  assert.equal(said('probe'), '421', `${stdout}\n${stderr}`);
  assert.equal(said('Apache from outside'), '000');
  assert.match(stdout, /sekisho\.yaml is written/);
  assert.equal(code, 0, stderr);
});
