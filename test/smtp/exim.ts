/** A private Exim, unpacked beside the machine's own mail server. */
import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../support/free-port.ts';
import type { Owner } from '../support/owner.ts';
import { requirePeer } from '../support/peers.ts';
import { runProcess, startProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';

export interface Exim {
  readonly port: number;
  log(): Promise<string>;
}

export interface EximSettings {
  readonly deliverTo: number;
  /** Further lines of the main section; later ones win. They name the port as 10025. */
  readonly main?: string;
  /** The acl section. @default none */
  readonly acl?: string;
}

/** Configured as an open relay. AUTH PLAIN accepts `user` with password `secret`. */
export async function startExim(
  owner: Owner,
  { deliverTo, main = '', acl = '' }: EximSettings,
): Promise<Exim> {
  const folder = await tempDir(owner, 'exim');
  const port = await freePort();
  // Copied to where Exim's own user can run it: only root may read the cache.
  const exim = join(folder, 'exim4');
  await copyFile(requirePeer('exim4'), exim);
  for (const name of ['spool', 'log']) {
    await mkdir(join(folder, name));
    await runProcess('chown', ['Debian-exim:Debian-exim', join(folder, name)]);
  }
  const conf = join(folder, 'exim.conf');
  await writeFile(
    conf,
    `${lastWins(`exim_path = ${exim}
primary_hostname = mx.example.net
spool_directory = ${folder}/spool
log_file_path = ${folder}/log/%slog
log_selector = +incoming_interface +incoming_port +received_recipients
pid_file_path =
daemon_smtp_ports = ${port}
local_interfaces = 127.0.0.1
host_lookup =
rfc1413_query_timeout = 0s
never_users =
deliver_drop_privilege = true
keep_environment =
smtp_accept_max = 100
smtp_accept_queue_per_connection = 0
auth_advertise_hosts = *
dsn_advertise_hosts = *
tls_advertise_hosts =
acl_smtp_rcpt = accept
acl_smtp_data = accept
${main.replace(/^daemon_smtp_ports = 10025$/m, `daemon_smtp_ports = ${port}`)}
`)}
begin acl
${acl}
begin routers
all:
  driver = manualroute
  route_list = * 127.0.0.1 byname
  self = send
  transport = sink
begin transports
sink:
  driver = smtp
  port = ${deliverTo}
  allow_localhost
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = \${if and{{eq{$auth2}{user}}{eq{$auth3}{secret}}}{true}{false}}
  server_set_id = $auth2
`,
  );
  await chmod(conf, 0o644);
  const process = await startProcess(owner, exim, ['-C', conf, '-bdf'], { timeout: 300_000 });
  await process.waitForPort(port);
  return { port, log: () => readFile(join(folder, 'log/mainlog'), 'utf8').catch(() => '') };
}

/** Keeps the last of each option: Exim does not start if one is set twice. */
function lastWins(text: string): string {
  const lines = new Map<string, string>();
  for (const line of text.split('\n').filter((line) => line !== '' && !line.startsWith('#')))
    lines.set(line.split('=', 1)[0]!.trim(), line);
  return [...lines.values()].join('\n');
}
