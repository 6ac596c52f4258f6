/** The real servers and tools that tests need: their paths, and skipping by name where they are missing. */
import { accessSync, constants, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Servers are in sbin, which is not on every PATH. */
const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];

/** Where `test/install-peers.sh` unpacks packages that conflict with others. */
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'sekisho-peers');

/** Peers that are not the command of that name on the PATH. */
const elsewhere: Readonly<Record<string, readonly string[]>> = {
  'apache-modsecurity': ['/usr/lib/apache2/modules/mod_security2.so'],
  'nginx-modsecurity': ['/usr/lib/nginx/modules/ngx_http_modsecurity_module.so'],
  'rsyslog-openssl': ['x86_64', 'aarch64'].map((arch) => `/usr/lib/${arch}-linux-gnu/rsyslog/lmnsd_ossl.so`),
  'modsecurity-crs': ['/usr/share/modsecurity-crs/rules'],
  'awstats.pl': ['/usr/lib/cgi-bin/awstats.pl'],
  'systemd-journal-remote': ['/lib/systemd/systemd-journal-remote'],
  'python3-systemd': ['/usr/lib/python3/dist-packages/systemd'],
  libfaketime: ['x86_64', 'aarch64'].map((arch) => `/usr/lib/${arch}-linux-gnu/faketime/libfaketimeMT.so.1`),
  // With PROXY protocol. It re-executes a compiled-in path, so its configuration needs `exim_path = …`.
  exim4: [join(cache, 'exim/usr/sbin/exim4')],
  // Conflicts with Postfix as a package; `smtpd` on the PATH may be another program.
  smtpd: [join(cache, 'opensmtpd/usr/sbin/smtpd')],
  // Its hub and patterns are beside it.
  crowdsec: [join(cache, 'crowdsec/usr/bin/crowdsec')],
  'valkey-server': [join(cache, 'valkey/usr/bin/valkey-server')],
  node22: [join(cache, 'node22/node_modules/node/bin/node')],
  node24: [join(cache, 'node24/node_modules/node/bin/node')],
  cscli: [join(cache, 'crowdsec/usr/bin/cscli')],
};

/**
 * The path of a peer (`nginx`, `apache2`, `nmap`, `exim4`, `modsecurity-crs`, …), or null where it is missing.
 */
export function peer(name: string): string | null {
  const places = [...folders.filter((folder) => folder !== '').map((folder) => join(folder, name))];
  for (const path of [...(elsewhere[name] ?? []), ...places]) {
    if (isUsable(path)) return path;
  }
  return null;
}

/** Why a test that needs these peers must be skipped, or false: `test('…', { skip: without('nginx') }, …)`. */
export function without(...names: string[]): string | false {
  const missing = names.filter((name) => peer(name) === null);
  return missing.length === 0 ? false : `needs ${missing.join(', ')}: run test/install-peers.sh as root`;
}

/** Skips the test where a peer is missing: `if (!needs(t, 'nginx')) return;`. */
export function needs(t: { skip(message?: string): void }, ...names: string[]): boolean {
  const reason = without(...names);
  if (reason === false) return true;
  t.skip(reason);
  return false;
}

/** The path of a peer that the test has already asked for with {@link needs}. @throws where it is missing */
export function requirePeer(name: string): string {
  const path = peer(name);
  if (path === null) throw new Error(`${name} is not installed: run test/install-peers.sh as root`);
  return path;
}

function isUsable(path: string): boolean {
  try {
    const stats = statSync(path);
    // Apache modules and rule folders are read, not run.
    accessSync(path, stats.isDirectory() || /\.so(?:\.\d+)?$/.test(path) ? constants.R_OK : constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
