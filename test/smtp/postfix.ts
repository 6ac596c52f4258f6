/** A private Postfix with its own configuration, queue and port. */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../support/free-port.ts';
import type { Owner } from '../support/owner.ts';
import { requirePeer } from '../support/peers.ts';
import { type RunningProcess, runProcess, startProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';

export interface Postfix {
  readonly port: number;
  readonly folder: string;
  readonly process: RunningProcess;
  /** Restarts it after `process` was stopped, with the same port and queue. */
  start(): Promise<RunningProcess>;
  /** The log so far. */
  log(): Promise<string>;
  /** Waits for the log to match. @throws after 30 seconds */
  waitForLog(pattern: RegExp): Promise<RegExpExecArray>;
}

export interface PostfixSettings {
  /** The port that all accepted mail is delivered to, for every domain. */
  readonly deliverTo: number;
  /** Further lines of main.cf; later ones win. */
  readonly main?: string;
  /** The smtpd service of master.cf, at port 10025. @default a plain one */
  readonly service?: string;
  /** The `sasl/smtpd.conf` of Cyrus SASL, which Debian's Postfix reads beside its main.cf. */
  readonly sasl?: string;
}

const plainService = '127.0.0.1:10025 inet n - n - - smtpd\n';

const master = '/usr/lib/postfix/sbin/master';

/** Configured as the worst kind of open relay: sends everything it gets to anywhere. */
export async function startPostfix(
  owner: Owner,
  { deliverTo, main = '', service = plainService, sasl }: PostfixSettings,
): Promise<Postfix> {
  const folder = await tempDir(owner, 'postfix');
  const port = await freePort();
  // Postfix makes the other folders itself, with the right owners.
  await mkdir(join(folder, 'queue'));
  await mkdir(join(folder, 'etc'));
  if (sasl !== undefined) {
    await mkdir(join(folder, 'etc/sasl'));
    await writeFile(join(folder, 'etc/sasl/smtpd.conf'), sasl);
  }
  const log = join(folder, 'log');
  await writeFile(
    join(folder, 'etc/main.cf'),
    lastWins(`compatibility_level = 3.6
queue_directory = ${folder}/queue
data_directory = ${folder}/data
maillog_file = ${log}
maillog_file_prefixes = ${folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.example.net
myorigin = example.net
mydestination =
local_recipient_maps =
relay_domains =
mynetworks = 0.0.0.0/0
smtpd_relay_restrictions = permit_mynetworks, reject
swap_bangpath = yes
allow_percent_hack = yes
allow_untrusted_routing = yes
default_transport = smtp:[127.0.0.1]:${deliverTo}
local_transport = smtp:[127.0.0.1]:${deliverTo}
default_destination_concurrency_limit = 50
smtpd_client_connection_count_limit = 0
smtp_host_lookup = native
disable_dns_lookups = yes
smtpd_peername_lookup = no
smtpd_error_sleep_time = 0
smtpd_hard_error_limit = 1000
message_size_limit = 104857600
biff = no
${main}
`),
  );
  await writeFile(
    join(folder, 'etc/master.cf'),
    `${service.replace('127.0.0.1:10025', `127.0.0.1:${port}`)}cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`,
  );
  await chmod(folder, 0o755);
  const conf = join(folder, 'etc');
  const check = await runProcess(requirePeer('postfix'), ['-c', conf, 'check']);
  if (check.code !== 0) throw new Error(`postfix check: ${check.stderr}\n${await readFile(log, 'utf8')}`);
  const start = async (): Promise<RunningProcess> => {
    // Not `start-fg`: its master starts a new session and would outlive the test.
    const process = await startProcess(owner, master, ['-c', conf, '-d'], { timeout: 600_000 });
    await process.waitForPort(port, 30_000).catch(async (error: Error) => {
      throw new Error(`${error.message}\n${await readFile(log, 'utf8').catch(() => 'no log')}`);
    });
    return process;
  };
  const process = await start();
  const read = (): Promise<string> => readFile(log, 'utf8').catch(() => '');
  return {
    port,
    folder,
    process,
    start,
    log: read,
    async waitForLog(pattern) {
      const signal = AbortSignal.timeout(30_000);
      for (;;) {
        const match = pattern.exec(await read());
        if (match !== null) return match;
        if (signal.aborted) throw new Error(`no ${pattern} in the log:\n${await read()}`);
        await new Promise((done) => setTimeout(done, 20));
      }
    },
  };
}

/**
 * Keeps the last of each parameter. Postfix warns about overridden ones, and its master hangs after ten warnings if it can't log yet.
 */
function lastWins(text: string): string {
  const lines = new Map<string, string>();
  for (const line of text.split('\n').filter((line) => line !== '' && !line.startsWith('#')))
    lines.set(line.split('=', 1)[0]!.trim(), line);
  return `${[...lines.values()].join('\n')}\n`;
}
