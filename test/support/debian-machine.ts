/**
 * This Debian machine with a throwaway copy of every file: installations and changes are gone afterwards. It has its own network and
 * processes, so that ports 80 and 9090 are free. No systemd runs in it: a fake systemctl starts Apache with apachectl, and a service
 * as its unit says.
 */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Owner } from './owner.ts';
import { runProcess } from './process.ts';
import { tempDir } from './temp-dir.ts';

/** Runs with the unit's user, its one capability and its folder. */
const systemctl = `#!/bin/sh
set -e
case "$*" in
  'restart apache2') apachectl stop || true; sleep 1; apachectl start ;;
  'enable --now '*)
    unit="/usr/lib/systemd/system/$3.service"
    of() { sed -n "s/^$1=//p" "$unit"; }
    capability=$(of AmbientCapabilities | tr A-Z a-z | sed 's/^cap_/+/')
    cd "$(of WorkingDirectory)"
    umask "$(of UMask)"
    # shellcheck disable=SC2046
    setpriv --reuid "$(of User)" --regid "$(of Group)" --init-groups --no-new-privs --inh-caps="-all,$capability" \\
      --ambient-caps="-all,$capability" --bounding-set="-all,$capability" $(of ExecStart) >/root/service.log 2>&1 &
    ;;
  *) echo "systemctl $*: not here" >&2; exit 1 ;;
esac
`;

/** Why such a machine is not possible here, or false. */
export async function withoutMachine(): Promise<string | false> {
  const { code } = await runProcess('unshare', ['--mount', '--net', '--pid', '--fork', 'true']).catch(() => ({
    code: 1,
  }));
  return code === 0 ? false : 'needs root, and a kernel that gives namespaces';
}

/**
 * Runs a shell script to its end, in /root of such a machine.
 *
 * @param files copied into /root first
 * @throws where it can't be set up
 */
export async function onMachine(
  owner: Owner,
  script: string,
  files: readonly string[],
): ReturnType<typeof runProcess> {
  const dir = await tempDir(owner, 'machine');
  const shims = join(dir, 'bin');
  mkdirSync(shims);
  for (const [name, text] of [
    ['sudo', '#!/bin/sh\nexec "$@"\n'],
    ['systemctl', systemctl],
  ] as const) {
    writeFileSync(join(shims, name), text);
    chmodSync(join(shims, name), 0o755);
  }
  writeFileSync(join(dir, 'script'), script);
  const setUp = `set -eu
dir=$1; shift
mkdir "$dir/disk"
mount -t tmpfs none "$dir/disk"
mkdir "$dir/disk/upper" "$dir/disk/work" "$dir/disk/root"
root="$dir/disk/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$dir/disk/upper,workdir=$dir/disk/work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs none "$root/run"
mount -t tmpfs none "$root/tmp"
mkdir "$root/run/lock"
ip link set lo up
cp "$@" "$dir/script" "$root/root/"
cp "$dir"/bin/* "$root/usr/local/sbin/"
printf '#!/bin/sh\\nexit 101\\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
# There is no network: what is installed already stays as it is.
echo 'APT::Get::Upgrade "false";' >"$root/etc/apt/apt.conf.d/99offline"
exec chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C HOME=/root \\
  DEBIAN_FRONTEND=noninteractive sh -c 'cd /root && sh -eu script'
`;
  const namespaces = ['--mount', '--net', '--pid', '--fork', '--kill-child'];
  return runProcess('unshare', [...namespaces, 'sh', '-c', setUp, 'sh', dir, ...files], { timeout: 110_000 });
}
