/**
 * What lives once a gateway, however many processes carry its requests: journal, alerts, metrics, admin server. Its
 * inputs are plain data, so that they can come from workers.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { shown } from '../admin/api.ts';
import { gauges, type Mailed } from '../admin/gauges.ts';
import { type AdminServer, startAdminServer } from '../admin/server.ts';
import { Stream } from '../admin/stream.ts';
import { Alerts } from '../alerts/alerts.ts';
import { endOf } from '../bans/ban.ts';
import type { BanService } from '../bans/ban-service.ts';
import type { MailBans } from '../bans/mail-bans.ts';
import { compile } from '../config/compile.ts';
import type { Config } from '../config/config.ts';
import { gatewayName } from '../config/gateway-name.ts';
import { collides } from '../config/listen-address.ts';
import { type CountersSnapshot, sumCounters } from '../events/counters.ts';
import type { EventSink } from '../events/event.ts';
import { EventFolder } from '../events/fold.ts';
import { Journal } from '../events/journal.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { FleetJournal } from '../fleet/fleet-journal.ts';
import type { HealthState } from '../forward/backend-health.ts';
import { isProbe } from '../rules/catalogue.ts';
import type { Policy } from '../rules/policy.ts';

/** A backend as it stands. Plain data. */
export interface BackendState {
  /** `127.0.0.1:8081`. */
  readonly name: string;
  readonly state: HealthState;
  /** Requests under way or waiting. */
  readonly load: number;
  readonly weight: number;
}

export interface ControlPlane {
  /** Takes every probe event. Never throws, never blocks. */
  readonly onEvent: EventSink;
  /** Takes every ban that is made here, and every one that is taken back. */
  readonly onBan: (kind: 'added' | 'removed', ban: { prefix: string; until: number; reason: string }) => void;
  /** Takes what becomes of backends. */
  readonly onBackend: (name: string, healthy: boolean, why: string) => void;
  /** Takes what becomes of accounts of the mail guard. @param reason null: in order again */
  readonly onAccount: (account: string, reason: string | null) => void;
  /** `admin http://127.0.0.1:9090`, once it accepts; none without an admin listener. */
  readonly listeners: readonly string[];
  /** The token that was made because none is configured, to be shown once. */
  readonly madeToken: string | null;
  /** Tells whether the gateway takes requests: what `/readyz` answers. */
  setReady(ready: boolean): void;
  /**
   * Makes ready for another config: opens its journal, binds its admin listener. Nothing is in force until `commit`.
   *
   * @throws Error where the journal can't be opened or the listener can't bind; everything is as before then
   */
  prepare(config: Config): Promise<Prepared>;
  /** Writes what is not written yet and ends everything. */
  close(): Promise<void>;
}

/** Another config, ready to be put in force. */
export interface Prepared {
  /** Puts it in force; what it takes the place of is ended. */
  commit(): Promise<void>;
  /** Takes back what was made ready. */
  abort(): Promise<void>;
}

export interface ControlPlaneOptions {
  readonly log: Logger;
  /** The counts of every process that carries requests, as they stand. */
  readonly counters: () => readonly CountersSnapshot[] | Promise<readonly CountersSnapshot[]>;
  /** Null: bans are off. */
  readonly bans?: BanService | null;
  /** Those that hold at the mail guard alone; null: bans are off. */
  readonly mailBans?: MailBans | null;
  readonly backends?: () => readonly BackendState[] | Promise<readonly BackendState[]>;
  /** Null: this gateway stands alone. */
  readonly fleet?: () => Fleet | null;
  /** How the mail guard is; null: there is none. */
  readonly mail?: () => Mailed | null;
  /** What is judged by. @default that of the config */
  readonly policy?: Policy;
}

/** Milliseconds that events are folded for before they are written and shown. */
const foldTime = 500;
/** Rows of one message to the browsers; what is more is only counted there. */
const shownRows = 50;
/** Milliseconds between two messages of how the checkpoint is. */
const statusInterval = 2000;
/** Without a journal file: what is kept in memory for the dashboard. */
const memoryJournal = { path: ':memory:', keep: 7 * 86_400_000, maxSize: 64 * 1024 * 1024 } as const;

/** @throws Error where the admin listener cannot bind; nothing is left running then */
export async function startControlPlane(config: Config, options: ControlPlaneOptions): Promise<ControlPlane> {
  const {
    log,
    counters,
    bans = null,
    mailBans = null,
    backends = () => [],
    fleet = () => null,
    mail = () => null,
  } = options;
  let current = config;
  let { policy } = options.policy === undefined ? compile(config) : { policy: options.policy };
  let ready = false;
  const started = Date.now();

  const openJournal = (of: Config): Journal | null =>
    startJournal(of, log, (reason) => alerts?.trouble('journal', 'journal', reason));
  let alerts: Alerts | null = null;
  let journal = openJournal(config);
  // What can't be opened may be there later; what another process keeps is a mistake.
  const inUse = await journal?.size().then(
    () => null,
    ({ message }: Error) => (/is in use by process \d+/.test(message) ? message : null),
  );
  if (inUse != null) {
    await journal?.close();
    throw new Error(`the journal ${config.journal === false ? '' : config.journal.path} ${inUse}`);
  }
  alerts = await startAlerts(config, journal, log);
  const stream = new Stream();
  const probes = new Map<string, number>();
  const folder = new EventFolder();
  let timer: NodeJS.Timeout | null = null;

  function flush(): void {
    timer = null;
    const rows = folder.take();
    alerts?.add(rows);
    if (journal === null) return;
    void journal.write(rows).then((ids) => {
      const probes = rows.flatMap((row, index) =>
        isProbe(row.rule) ? [{ row, id: ids[index] ?? null }] : [],
      );
      const latest = probes.slice(-shownRows).map(({ row, id }) => {
        const { prefix, count, last, time, ...event } = row;
        return { ...shown({ ...event, id: id ?? 0, prefix, count, last, first: time }), id };
      });
      const total = probes.reduce((sum, { row }) => sum + row.count, 0);
      stream.send('probes', { total, events: latest });
    });
  }

  const status = async () => {
    const { requests } = sumCounters(await counters());
    const sum = (verdict: string) =>
      requests.reduce((total, row) => total + (row.verdict === verdict ? row.count : 0), 0);
    return {
      name: gatewayName(current),
      started: new Date(started).toISOString(),
      ready,
      preset: current.policy.preset,
      sites: current.sites.map(({ hosts }) => hosts[0]!.host),
      requests: { allow: sum('allow'), flag: sum('flag'), block: sum('block') },
      bans: bans?.ledger.counts.active ?? null,
      journal: journal === null ? null : journalStatus(journal, current.journal !== false),
      alerts: alerts?.status ?? null,
      fleet: fleet()?.health.state ?? null,
    };
  };

  let server: AdminServer | null = null;
  const startServer = async (of: Config, token: string | null): Promise<AdminServer | null> =>
    of.admin === false
      ? null
      : startAdminServer(
          { ...of.admin, token: of.admin.token ?? token },
          {
            log,
            journal: () => journal!,
            stream,
            bans,
            mailBans,
            ready: () => ready,
            policy: () => policy,
            reporter: () => ({
              org: gatewayName(current),
              contact: current.alerts ? (current.alerts.mail?.from ?? '') : '',
            }),
            status,
            backends,
            fleet,
            metrics: {
              counters,
              probes,
              others: gauges({
                journal: () => journal!,
                alerts: () => alerts?.status ?? null,
                bans,
                backends,
                fleet: () => fleet()?.health ?? null,
                mail,
                stream,
              }),
            },
          },
        );
  try {
    server = await startServer(config, null);
  } catch (error) {
    stream.close();
    await alerts?.close();
    await journal?.close();
    throw error;
  }

  /** What the two configs agree in stays as it is, with its connections, sessions and what waits in it. */
  async function prepare(next: Config): Promise<Prepared> {
    const otherJournal = !isDeepStrictEqual(journalOf(next), journalOf(current));
    const nextJournal = otherJournal ? openJournal(next) : null;
    const before = current;
    // One that was written in the config is not good any more once it is taken out there.
    const kept = before.admin && before.admin.token === null ? (server?.token ?? null) : null;
    const inTheWay =
      movesAdmin(before, next) &&
      before.admin &&
      next.admin &&
      collides(before.admin.listen, next.admin.listen);
    const putBack = async (): Promise<void> => {
      if (inTheWay) server = await startServer(before, kept);
    };
    let nextServer: AdminServer | null = null;
    try {
      // A file that can't be opened is told now, not with the first probe.
      await nextJournal?.size();
      if (movesAdmin(current, next)) {
        if (inTheWay) await server?.close();
        nextServer = await startServer(next, kept);
      }
    } catch (error) {
      await putBack();
      await nextJournal?.close();
      throw error;
    }
    const commit = async (): Promise<void> => {
      const [oldJournal, oldAlerts, oldServer] = [journal, alerts, server];
      const readsAlertsAnew = !isDeepStrictEqual(next.alerts, before.alerts);
      current = next;
      policy = compile(next).policy;
      if (otherJournal) {
        if (timer !== null) clearTimeout(timer);
        flush();
        journal = nextJournal;
      }
      if (readsAlertsAnew) alerts = await startAlerts(next, journal, log);
      if (nextServer !== null || next.admin === false) server = nextServer;
      else if (next.admin.token !== null) server?.replaceToken(next.admin.token);
      else if (kept === null) server?.makeToken();
      server?.reloadCertificate(next.admin || null);
      if (oldServer !== server) await oldServer?.close();
      if (readsAlertsAnew) await oldAlerts?.close();
      if (otherJournal) await oldJournal?.close();
    };
    return {
      commit,
      abort: async () => {
        await nextServer?.close();
        await putBack();
        await nextJournal?.close();
      },
    };
  }

  const fleetJournal = new FleetJournal({
    fleet: () => (current.fleet !== false && current.fleet.journal ? fleet() : null),
    journal: () => journal,
    onError: (error) => log.warn({ event: 'fleet', err: error }, 'the events of the fleet were not taken in'),
  });
  const statusTimer = setInterval(() => {
    if (stream.size > 0) void status().then((value) => stream.send('status', value));
  }, statusInterval).unref();

  return {
    onEvent: (event) => {
      const key = `${event.rule} ${event.action}`;
      probes.set(key, (probes.get(key) ?? 0) + 1);
      folder.add(event);
      timer ??= setTimeout(flush, foldTime);
    },
    onBan: (kind, ban) => {
      if (kind === 'added') alerts?.ban({ ...ban, until: endOf(ban) });
      stream.send('bans', { kind, prefix: ban.prefix });
    },
    onBackend: (name, healthy, why) => {
      alerts?.trouble('backend', name, healthy ? null : why);
      stream.send('backends', { name, fit: healthy, why });
    },
    onAccount: (account, reason) => alerts?.trouble('account', account, reason),
    get listeners() {
      return server === null ? [] : [server.listener];
    },
    get madeToken() {
      return server?.madeToken ?? null;
    },
    setReady: (now) => {
      ready = now;
    },
    prepare,
    close: async () => {
      clearInterval(statusTimer);
      await fleetJournal.close();
      if (timer !== null) {
        clearTimeout(timer);
        flush();
      }
      stream.close();
      await server?.close();
      await alerts?.close();
      await journal?.close();
    },
  };
}

const journalStatus = ({ status }: Journal, file: boolean) => ({
  ...status,
  letGo: status.letGo.map(({ until, at, ...rest }) => ({
    ...rest,
    until: new Date(until).toISOString(),
    at: new Date(at).toISOString(),
  })),
  file,
});

/** What is written where: a journal in memory is there for the admin listener alone. */
const journalOf = ({ journal, admin }: Config): unknown => (journal === false ? admin !== false : journal);

/** Whether another admin listener has to be bound. */
function movesAdmin({ admin: before }: Config, { admin }: Config): boolean {
  if (admin === false) return false;
  return before === false || before.listen.text !== admin.listen.text;
}

function startJournal(
  { journal, admin }: Config,
  log: Logger,
  onTrouble: (reason: string | null) => void,
): Journal | null {
  if (journal === false && admin === false) return null;
  const options = journal === false ? memoryJournal : journal;
  return new Journal({
    ...options,
    onTrouble: (reason) => {
      if (reason === null) log.info({ event: 'journal' }, 'the journal is written again');
      else
        log.error(
          { event: 'journal', path: options.path, reason },
          `the journal ${options.path} can not be written: ${reason}. Traffic goes on; events are counted in memory`,
        );
      onTrouble(reason);
    },
  });
}

async function startAlerts({ alerts }: Config, journal: Journal | null, log: Logger): Promise<Alerts | null> {
  if (alerts === false) return null;
  // With an unreadable journal each rule counts as news once more.
  const known = await journal?.summary(0, 1).catch(() => null);
  return new Alerts(alerts, { log, known: known?.totals.map(({ rule }) => rule) ?? [] });
}
