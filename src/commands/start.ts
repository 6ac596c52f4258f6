import type { Logger } from 'pino';
import { ownFolders } from '../acme/acme-folder.ts';
import type { Config } from '../config/config.ts';
import { ConfigError } from '../config/fault.ts';
import { loadConfig } from '../config/load.ts';
import { inForce, needsRestart } from '../config/needs-restart.ts';
import { warningsOf } from '../config/warnings.ts';
import type { EventSink } from '../events/event.ts';
import { fileFaults } from '../listener/file-faults.ts';
import { dropPrivileges, handOver, handOverFolders, resolveAccount } from '../listener/privileges.ts';
import { accessFile, openLog } from '../log.ts';
import { type ClientPlane, startClientPlane } from '../program/bans-and-fleet.ts';
import { FileReports } from '../program/certificate-files.ts';
import { type ControlPlane, startControlPlane } from '../program/control-plane.ts';
import { type DataPlane, startDataPlane } from '../program/data-plane.ts';
import { type MailAndDecoys, type MailSide, openMailAndDecoys } from '../program/mail-and-decoys.ts';
import { type OrderedCertificates, startOrders } from '../program/ordered-certificates.ts';
import { logStapling, StapleReports } from '../program/stapling.ts';
import { announce } from './banner.ts';
import { inputError } from './input-error.ts';
import type { Command, StartOptions } from './options.ts';

/** `sekisho start`: runs the gateway until SIGTERM or SIGINT; SIGHUP reloads the config, SIGUSR2 only reopens the log files. */
export const run: Command<StartOptions> = async ({ config: file, endWithParent = false, ...overlay }) => {
  if (file === undefined && Object.keys(overlay).length === 0) {
    const fix =
      'sekisho init writes a config, then: sekisho start --config sekisho.yaml; or give --host and --backend';
    inputError('start', 'no config and no flags', fix);
    return 1;
  }
  const read = (): Config => loadConfig(file, { overlay });
  const config = read();
  const account = resolveAccount(config);
  for (const file of [config.log.file, accessFile(config.log)]) if (file !== null) handOver(file, account);
  const { log, reopen } = await openLog(config.log);
  for (const warning of warningsOf(config)) log.warn({ event: 'config' }, warning);
  const started: Started = { control: null, doors: null, data: null, orders: null };
  const onReload = handleSignals(() => {
    reopen();
    started.data?.reopenLog();
  });
  const stopped = Promise.race(endWithParent ? [signal(), parentEnd()] : [signal()]);
  if (config.journal !== false) handOver(config.journal.path, account);
  const clients = await startClients(config, log);
  try {
    const planes = await startPlanes(config, { clients, started, log, account }).catch(async (error) => {
      // Otherwise its listeners would keep the process alive and serving, with no admin plane and no signal to end it.
      await started.data?.close(0);
      throw error;
    });
    const { data, doors, control } = planes;
    clients.shareRates(() => data.rateSources());
    // One reload at a time: a second one would bind the admin listener that the first is about to release.
    let last = Promise.resolve();
    let running = config;
    onReload(() => {
      last = last.then(async () => {
        running = await reload(read, running, planes, log);
      });
    });
    announce([...data.listeners, ...doors.listeners, ...control.listeners], control.madeToken, config);
    control.setReady(true);
    await stopped;
    control.setReady(false);
    await Promise.all([data.close(config.timeouts.drain), doors.close(config.timeouts.drain)]);
    started.doors = null;
  } finally {
    await started.orders?.close();
    await started.doors?.close(0);
    await started.control?.close();
    await clients.close();
  }
  return 0;
};

/**
 * Reopens the log on SIGHUP and SIGUSR2, whose default is to end the process.
 *
 * @returns sets what SIGHUP runs besides; a reload that was asked for earlier, during the start, runs at once
 */
function handleSignals(reopenLogs: () => void): (reload: () => void) => void {
  let isPending = false;
  let onHangUp = (): void => {
    isPending = true;
  };
  for (const name of ['SIGUSR2', 'SIGHUP'] as const)
    process.on(name, () => {
      // First: the messages of the reload belong in the new file.
      reopenLogs();
      if (name === 'SIGHUP') onHangUp();
    });
  return (reload) => {
    onHangUp = reload;
    if (isPending) reload();
  };
}

interface Planes {
  readonly data: DataPlane;
  readonly clients: ClientPlane;
  readonly control: ControlPlane;
  readonly doors: MailAndDecoys;
  readonly orders: OrderedCertificates;
}

/** The planes started so far: each reads the others through it, and the caller closes them if a later one fails. */
type Started = { [Part in Exclude<keyof Planes, 'clients'>]: Planes[Part] | null };

interface StartContext {
  readonly clients: ClientPlane;
  readonly started: Started;
  readonly log: Logger;
  readonly account: ReturnType<typeof resolveAccount>;
}

async function startPlanes(
  config: Config,
  { clients, started, log, account }: StartContext,
): Promise<Planes> {
  const staples = new StapleReports((name, reason) => started.control?.onStaple(name, reason));
  logStapling(log, (states) => staples.take(staples, states));
  const files = new FileReports((file, reason) => started.control?.onCertificateFile(file, reason));
  fileFaults.onChange = () => files.take(files, fileFaults.all);
  const control = await startControlPlane(config, {
    log,
    counters: () => started.data?.counters() ?? [],
    bans: clients.bans,
    mailBans: clients.mailBans,
    mail: () => started.doors?.mail ?? null,
    fleet: () => clients.fleet,
    backends: () => started.data?.backends() ?? [],
    certificates: () => started.orders?.renewals ?? null,
    staples: () => staples.states,
    certificateFiles: () => files.all,
  });
  started.control = control;
  for (const bans of [clients.bans, clients.mailBans])
    bans?.ledger.onChange((change, origin) => {
      if (change.kind !== 'lists' && origin !== 'journal') control.onBan(change.kind, change.ban);
    });
  const onEvent: EventSink = (event) => {
    clients.onEvent(event);
    control.onEvent(event);
  };
  const doors = await openMailAndDecoys(config, { log, onEvent, mail: mailSide(clients, control) });
  started.doors = doors;
  const data = await startDataPlane(config, {
    log,
    bans: clients.bans?.ledger ?? null,
    windows: clients.windows,
    onEvent,
    onBackend: control.onBackend,
    staples,
    files,
  });
  started.data = data;
  if (config.acme !== null) handOverFolders(config.acme.folder, ownFolders, account);
  dropPrivileges(account);
  const orders = await startOrders(config, {
    log,
    onTrouble: control.onCertificate,
    notes: () => clients.store,
  });
  started.orders = orders;
  return { data, clients, control, doors, orders };
}

/** Bans outlive the process in the journal. If it can't be opened they do not, but the gateway still serves traffic. */
async function startClients(config: Config, log: Logger): Promise<ClientPlane> {
  if (config.journal === false) return startClientPlane(config, { log, journal: null });
  try {
    return await startClientPlane(config, { log, journal: config.journal.path });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SQLITE_ERROR') throw error;
    log.error(
      { event: 'journal', err: error },
      'bans cannot be kept in the journal; they end with the process',
    );
    return startClientPlane(config, { log, journal: null });
  }
}

function mailSide({ bans, mailBans }: ClientPlane, { onAccount }: ControlPlane): MailSide {
  return {
    // Looks up the address: one on the allow-list can lie within a wider banned prefix.
    isBanned: (_prefix, address) => [bans, mailBans].some((service) => service?.ledger.bans(address)),
    onOffence: (address, rule) => mailBans?.offend(address, rule),
    onDelivered: (address) => mailBans?.delivered(address),
    onRise: onAccount,
  };
}

/** Puts a new config in force; a bad one changes nothing and is logged. @returns the config in force, without what needs a restart */
async function reload(
  read: () => Config,
  running: Config,
  { data, clients, control, doors, orders }: Planes,
  log: Logger,
): Promise<Config> {
  try {
    const next = read();
    const { listeners, madeToken } = control;
    const mail = doors.prepare(next);
    const prepared = await control.prepare(next).catch((error) => {
      mail.abort();
      throw error;
    });
    try {
      data.reload(next);
    } catch (error) {
      mail.abort();
      await prepared.abort();
      throw error;
    }
    mail.commit();
    await Promise.all([clients.reload(next), prepared.commit(), orders.reload(inForce(running, next))]);
    for (const listener of control.listeners)
      if (!listeners.includes(listener)) process.stdout.write(`listening ${listener}\n`);
    if (control.madeToken !== null && control.madeToken !== madeToken)
      process.stderr.write(`admin token (generated for this run, shown once): ${control.madeToken}\n`);
    const restart = needsRestart(running, next);
    if (restart.length === 0) log.info({ event: 'reload' }, 'the config was reloaded');
    else
      log.warn(
        { event: 'reload', restart },
        `the config was reloaded; changes to these settings need a restart: ${restart.join(', ')}`,
      );
    // Settings that need a restart stay as they are, so that the next reload reports them again.
    return inForce(running, next);
  } catch (error) {
    const why = error instanceof ConfigError ? error.message : error;
    log.error({ event: 'reload', err: why }, 'the config was not reloaded; the previous one stays in force');
    return running;
  }
}

function signal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
}

/** Milliseconds between two checks of the parent process. */
const parentInterval = 250;

/** Resolves when the parent process ends. A killed parent sends no signal, but its orphan gets another parent process. */
function parentEnd(): Promise<void> {
  const parent = process.ppid;
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(timer);
      resolve();
    }, parentInterval).unref();
  });
}
