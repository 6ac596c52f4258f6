import type { Logger } from 'pino';
import { ownFolders } from '../acme/store.ts';
import type { Config } from '../config/config.ts';
import { ConfigError } from '../config/fault.ts';
import { loadConfig } from '../config/load.ts';
import { inForce, needsRestart } from '../config/needs-restart.ts';
import { warningsOf } from '../config/warnings.ts';
import type { EventSink } from '../events/event.ts';
import { dropPrivileges, handOver, handOverFolders, resolveAccount } from '../listener/privileges.ts';
import { accessFile, openLog } from '../log.ts';
import { type ClientPlane, startClientPlane } from '../program/bans-and-fleet.ts';
import { type ControlPlane, startControlPlane } from '../program/control-plane.ts';
import { type DataPlane, startDataPlane } from '../program/data-plane.ts';
import { type MailSide, openSideDoors, type SideDoors } from '../program/mail-and-decoys.ts';
import { type OrderedCertificates, startOrders } from '../program/ordered-certificates.ts';
import { announce } from './banner.ts';
import { inputError } from './input-error.ts';
import type { Command, StartOptions } from './options.ts';

/** `sekisho start`: runs the gateway until SIGTERM or SIGINT; SIGHUP reads the config again, SIGUSR2 only opens the log file anew. */
export const run: Command<StartOptions> = async ({ config: file, endWithParent = false, ...overlay }) => {
  if (file === undefined && Object.keys(overlay).length === 0) {
    const fix =
      'sekisho init writes one, then: sekisho start --config sekisho.yaml; or give --host and --backend';
    inputError('start', 'nothing says what to start', fix);
    return 1;
  }
  const read = (): Config => loadConfig(file, { overlay });
  const config = read();
  const account = resolveAccount(config);
  for (const file of [config.log.file, accessFile(config.log)]) if (file !== null) handOver(file, account);
  const { log, reopen } = await openLog(config.log);
  for (const warning of warningsOf(config)) log.warn({ event: 'config' }, warning);
  let data: DataPlane | null = null;
  // A reload that is asked for while this starts is done when it has started.
  let hungUp = false;
  let onHangUp = (): void => {
    hungUp = true;
  };
  // From here on: the default of these signals is to end the process.
  for (const name of ['SIGUSR2', 'SIGHUP'] as const)
    process.on(name, () => {
      // First: what a reload has to say belongs into the new file.
      reopen();
      data?.reopenLog();
      if (name === 'SIGHUP') onHangUp();
    });
  const stopped = Promise.race(endWithParent ? [signal(), parentEnd()] : [signal()]);
  if (config.journal !== false) handOver(config.journal.path, account);
  const clients = await startClients(config, log);
  let control: ControlPlane | null = null;
  let doors: SideDoors | null = null;
  let orders: OrderedCertificates | null = null;
  try {
    control = await startControlPlane(config, {
      log,
      counters: () => data?.counters() ?? [],
      bans: clients.bans,
      mailBans: clients.mailBans,
      mail: () => doors?.mail ?? null,
      fleet: () => clients.fleet,
      backends: () => data?.backends() ?? [],
      certificates: () => orders?.renewals ?? null,
    });
    const { onEvent, onBackend, onBan } = control;
    for (const bans of [clients.bans, clients.mailBans])
      bans?.ledger.onChange((change, origin) => {
        if (change.kind !== 'lists' && origin !== 'journal') onBan(change.kind, change.ban);
      });
    const toAll: EventSink = (event) => {
      clients.onEvent(event);
      onEvent(event);
    };
    doors = await openSideDoors(config, {
      log,
      onEvent: toAll,
      mail: mailSide(clients, control),
    });
    data = await startDataPlane(config, {
      log,
      bans: clients.bans?.ledger ?? null,
      windows: clients.windows,
      onEvent: toAll,
      onBackend,
    });
    if (config.acme !== null) handOverFolders(config.acme.folder, ownFolders, account);
    dropPrivileges(account);
    orders = await startOrders(config, {
      log,
      onTrouble: control.onCertificate,
      notes: () => clients.store,
    });
    const planes = { data, clients, control, doors, orders };
    clients.shareRates(() => planes.data.rateSources());
    // One after the other: a second one would else bind the admin listener that the first is about to let go.
    let last = Promise.resolve();
    let running = config;
    onHangUp = () => {
      last = last.then(async () => {
        running = await reload(read, running, planes, log);
      });
    };
    if (hungUp) onHangUp();
    announce([...data.listeners, ...doors.listeners, ...control.listeners], control.madeToken, config);
    control.setReady(true);
    await stopped;
    control.setReady(false);
    await Promise.all([data.close(config.timeouts.drain), doors.close(config.timeouts.drain)]);
    doors = null;
  } finally {
    await orders?.close();
    await doors?.close(0);
    await control?.close();
    await clients.close();
  }
  return 0;
};

/** Bans outlive the process in the journal; where that can't be opened they don't, and traffic goes on. */
async function startClients(config: Config, log: Logger): Promise<ClientPlane> {
  if (config.journal === false) return startClientPlane(config, { log, journal: null });
  try {
    return await startClientPlane(config, { log, journal: config.journal.path });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SQLITE_ERROR') throw error;
    log.error(
      { event: 'journal', err: error },
      'bans can not be kept in the journal; they end with the process',
    );
    return startClientPlane(config, { log, journal: null });
  }
}

function mailSide({ bans, mailBans }: ClientPlane, { onAccount }: ControlPlane): MailSide {
  return {
    // By the address: one on the allow-list may lie within a wider prefix that is banned.
    isBanned: (_prefix, address) => [bans, mailBans].some((one) => one?.ledger.bans(address)),
    onOffence: (address, rule) => mailBans?.offend(address, rule),
    onDelivered: (address) => mailBans?.delivered(address),
    onRise: onAccount,
  };
}

interface Planes {
  readonly data: DataPlane;
  readonly clients: ClientPlane;
  readonly control: ControlPlane;
  readonly doors: SideDoors;
  readonly orders: OrderedCertificates;
}

/** A bad config changes nothing, and says why. @returns the config in force, as far as it can be without a restart */
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
      process.stderr.write(`admin token (made for this run, shown once): ${control.madeToken}\n`);
    const left = needsRestart(running, next);
    if (left.length === 0) log.info({ event: 'reload' }, 'the config was read again');
    else
      log.warn(
        { event: 'reload', restart: left },
        `the config was read again; what changed here takes a restart: ${left.join(', ')}`,
      );
    // Told again with each reload, until it is what runs.
    return inForce(running, next);
  } catch (error) {
    const why = error instanceof ConfigError ? error.message : error;
    log.error({ event: 'reload', err: why }, 'the config was not read again; the one before stays in force');
    return running;
  }
}

function signal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
}

/** Milliseconds between two looks at the parent. */
const parentInterval = 250;

/** A parent that is killed can tell its child nothing: the child then has another parent, that of all orphans. */
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
