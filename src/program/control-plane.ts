/**
 * Journal, alerts, metrics and admin server: one of each per gateway, even with several worker processes. Inputs are plain
 * data, so that workers can send them.
 */
import { stat } from 'node:fs/promises';
import type { Logger } from 'pino';
import { gatewayMetrics, type MailCounts, type OrderedCertificates } from '../admin/gateway-metrics.ts';
import type { AdminServerOptions } from '../admin/server.ts';
import type { BanService } from '../bans/ban-service.ts';
import type { MailBans } from '../bans/mail-bans.ts';
import { compile } from '../config/compile.ts';
import type { Config } from '../config/config.ts';
import { gatewayName } from '../config/gateway-name.ts';
import { type CountersSnapshot, sumCounters } from '../events/counters.ts';
import type { EventSink } from '../events/event.ts';
import type { Journal } from '../events/journal.ts';
import { version as schema } from '../events/journal-schema.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { FleetJournal } from '../fleet/fleet-journal.ts';
import type { StapleState } from '../ocsp/staples.ts';
import { packageJson } from '../package-json.ts';
import type { Policy } from '../rules/policy.ts';
import { AdminListener } from './admin-listener.ts';
import { EventFlow } from './event-flow.ts';
import { Geo } from './geo.ts';
import type { Prepared, PreparedPart } from './prepared.ts';
import { sampleProbeCommand } from './sample-probe.ts';
import type { BackendState } from './workers/messages.ts';

export interface ControlPlane {
  /** Takes every probe event. Never throws, never blocks. */
  readonly onEvent: EventSink;
  /** Takes every ban made or lifted here. */
  readonly onBan: (kind: 'added' | 'removed', ban: { prefix: string; until: number; reason: string }) => void;
  /** Takes changes of a backend's health. */
  readonly onBackend: (name: string, healthy: boolean, why: string) => void;
  /** Takes troubles with ordered certificates. @param reason null: resolved */
  readonly onCertificate: (host: string, reason: string | null) => void;
  /** Gets problems with certificate files. @param reason null: resolved */
  readonly onCertificateFile: (file: string, reason: string | null) => void;
  /** Gets problems with OCSP responses, by the name of the certificate. @param reason null: resolved */
  readonly onStaple: (name: string, reason: string | null) => void;
  /** Takes troubles with accounts of the mail guard. @param reason null: resolved */
  readonly onAccount: (account: string, reason: string | null) => void;
  /** `admin http://127.0.0.1:9090`, once it accepts; empty without an admin listener. */
  readonly listeners: readonly string[];
  /** The token generated because none is configured, to be shown once. */
  readonly madeToken: string | null;
  /** Sets whether the gateway takes requests, which is what `/readyz` answers. */
  setReady(ready: boolean): void;
  /**
   * Prepares for another config: opens its journal, binds its admin listener. Nothing takes effect until `commit`.
   *
   * @throws Error if the journal can't be opened or the listener can't bind; nothing has changed then
   */
  prepare(config: Config): Promise<Prepared>;
  /** Writes what is pending and stops everything. */
  close(): Promise<void>;
}

export interface ControlPlaneOptions {
  readonly log: Logger;
  /** The current counts of every process that handles requests. */
  readonly counters: () => readonly CountersSnapshot[] | Promise<readonly CountersSnapshot[]>;
  /** Null: bans are off. */
  readonly bans?: BanService | null;
  /** Bans that hold only at the mail guard; null: bans are off. */
  readonly mailBans?: MailBans | null;
  readonly backends?: () => readonly BackendState[] | Promise<readonly BackendState[]>;
  /** Null: no fleet is configured. */
  readonly fleet?: () => Fleet | null;
  /** The state of the mail guard; null: there is none. */
  readonly mail?: () => MailCounts | null;
  /** The ordered certificates; null: none are ordered. */
  readonly certificates?: () => OrderedCertificates | null;
  /** The OCSP responses of must-staple certificates. @default none */
  readonly staples?: () => readonly StapleState[];
  /** Certificate files that can't be used: reasons by file. @default none */
  readonly certificateFiles?: () => Readonly<Record<string, string>>;
  /** The policy in force. @default that of the config */
  readonly policy?: Policy;
}

/** Milliseconds between two status messages to browsers. */
const statusInterval = 2000;

/** @throws Error if the admin listener can't bind; nothing is left running then */
export async function startControlPlane(config: Config, options: ControlPlaneOptions): Promise<ControlPlane> {
  const { log, fleet = () => null } = options;
  const state: State = {
    config,
    policy: options.policy ?? compile(config).policy,
    ready: false,
    started: Date.now(),
  };
  const geo = await Geo.open(config, log);
  const flow = await EventFlow.open(config, log, geo).catch((error) => {
    geo.close();
    throw error;
  });
  const status = () => statusOf(state, flow, options);
  let admin: AdminListener;
  try {
    admin = await AdminListener.open(config, adminOptions(state, { flow, geo }, status, options));
  } catch (error) {
    geo.close();
    await flow.close();
    throw error;
  }
  const fleetJournal = new FleetJournal({
    fleet: () => (state.config.fleet !== false && state.config.fleet.journal ? fleet() : null),
    journal: () => flow.journal,
    onError: (error) =>
      log.warn({ event: 'fleet', err: error }, "the fleet's events could not be copied to the journal"),
  });
  const statusTimer = setInterval(() => {
    if (flow.stream.size > 0) void status().then((value) => flow.stream.send('status', value));
  }, statusInterval).unref();

  return {
    onEvent: flow.onEvent,
    onBan: (kind, ban) => flow.onBan(kind, ban),
    onBackend: (name, healthy, why) => flow.onBackend(name, healthy, why),
    onCertificate: (host, reason) => flow.onCertificate(host, reason),
    onCertificateFile: (file, reason) => flow.onCertificateFile(file, reason),
    onStaple: (name, reason) => flow.onStaple(name, reason),
    onAccount: (account, reason) => flow.onAccount(account, reason),
    get listeners() {
      return admin.server === null ? [] : [admin.server.listener];
    },
    get madeToken() {
      return admin.server?.madeToken ?? null;
    },
    setReady: (now) => {
      state.ready = now;
    },
    prepare: (next) => prepare(next, state, [geo, flow, admin]),
    close: async () => {
      clearInterval(statusTimer);
      await fleetJournal.close();
      flow.endStream();
      await admin.close();
      await flow.close();
      geo.close();
    },
  };
}

/** What a reload changes. Other parts read it when they need it and keep no copies. */
interface State {
  config: Config;
  policy: Policy;
  ready: boolean;
  /** When the gateway started, milliseconds since the epoch. */
  readonly started: number;
}

/** Parts whose settings are the same in both configs stay as they are, with their connections, sessions and queues. */
async function prepare(
  next: Config,
  state: State,
  parts: readonly { prepare(next: Config): Promise<PreparedPart> }[],
): Promise<Prepared> {
  const prepared: PreparedPart[] = [];
  const abort = async () => {
    for (const part of prepared.toReversed()) await part.abort();
  };
  try {
    for (const part of parts) prepared.push(await part.prepare(next));
  } catch (error) {
    await abort();
    throw error;
  }
  return {
    commit: async () => {
      state.config = next;
      state.policy = compile(next).policy;
      const ends: (() => Promise<void>)[] = [];
      for (const part of prepared) ends.push(await part.commit());
      // In reverse order: a part ends before those it reads from.
      for (const end of ends.toReversed()) await end();
    },
    abort,
  };
}

function adminOptions(
  state: State,
  { flow, geo }: { readonly flow: EventFlow; readonly geo: Geo },
  status: AdminServerOptions['status'],
  options: ControlPlaneOptions,
): AdminServerOptions {
  const { log, counters, bans = null, mailBans = null, backends = () => [] } = options;
  const { fleet = () => null, mail = () => null, certificates = () => null, staples = () => [] } = options;
  const { stream, probes } = flow;
  const journal = () => flow.journal!;
  return {
    log,
    journal,
    stream,
    bans,
    mailBans,
    ready: () => state.ready,
    policy: () => state.policy,
    originOf: geo.of,
    reporter: () => ({
      org: gatewayName(state.config),
      contact: state.config.alerts ? (state.config.alerts.mail?.from ?? '') : '',
    }),
    status,
    backends,
    fleet,
    metrics: {
      counters,
      probes,
      others: gatewayMetrics({
        journal,
        alerts: () => flow.alerts?.status ?? null,
        records: () => flow.records,
        bans,
        backends,
        fleet: () => fleet()?.health ?? null,
        mail,
        certificates,
        staples,
        stream,
        countries: geo.countries,
      }),
    },
  };
}

async function statusOf(
  { config, ready, started }: State,
  { journal, alerts }: EventFlow,
  {
    counters,
    bans = null,
    fleet = () => null,
    certificates = () => null,
    staples = () => [],
    certificateFiles = () => ({}),
  }: ControlPlaneOptions,
) {
  const { requests } = sumCounters(await counters());
  const sum = (verdict: string) =>
    requests.reduce((total, row) => total + (row.verdict === verdict ? row.count : 0), 0);
  return {
    name: gatewayName(config),
    version: packageJson.version,
    knock: sampleProbeCommand(config),
    started: new Date(started).toISOString(),
    ready,
    preset: config.policy.preset,
    sites: config.sites.map(({ hosts }) => hosts[0]!.host),
    requests: { allow: sum('allow'), flag: sum('flag'), block: sum('block') },
    bans: bans?.ledger.counts.active ?? null,
    journal: journal === null ? null : await journalStatus(journal, config.journal),
    alerts: alerts?.status ?? null,
    fleet: fleet()?.health.state ?? null,
    certificates:
      certificates()?.states.map(({ host, notAfter, next, trouble }) => ({
        host,
        notAfter: notAfter === null ? null : new Date(notAfter).toISOString(),
        next: new Date(next).toISOString(),
        trouble,
      })) ?? null,
    certificateFiles: Object.entries(certificateFiles()).map(([file, trouble]) => ({ file, trouble })),
    ocsp: staples().map(({ host, key, serial, fetched, until, trouble }) => ({
      host,
      key,
      serial,
      fetched: fetched === null ? null : new Date(fetched).toISOString(),
      until: until === null ? null : new Date(until).toISOString(),
      trouble,
    })),
  };
}

const journalStatus = async ({ status }: Journal, config: Config['journal']) => ({
  ...status,
  schema,
  wal:
    config === false
      ? null
      : await stat(`${config.path}-wal`).then(
          ({ size }) => size,
          () => null,
        ),
  letGo: status.letGo.map(({ until, at, ...rest }) => ({
    ...rest,
    until: new Date(until).toISOString(),
    at: new Date(at).toISOString(),
  })),
  file: config !== false,
});
