/**
 * The knowledge about clients that outlives a request: bans, and what the gateways of a fleet share. There is one per gateway,
 * even with several worker processes.
 */
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { PrefixSet } from '../address/prefix-set.ts';
import { type Ban, endOf } from '../bans/ban.ts';
import { banBytes, SqliteBanJournal } from '../bans/ban-journal.ts';
import { BanService } from '../bans/ban-service.ts';
import { BanLedger, type LedgerOptions } from '../bans/ledger.ts';
import { MailBans } from '../bans/mail-bans.ts';
import type { BansConfig, Config, FleetConfig } from '../config/config.ts';
import { gatewayName } from '../config/gateway-name.ts';
import type { EventSink } from '../events/event.ts';
import { banShare } from '../events/journal-retention.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { FleetClock } from '../fleet/fleet-clock.ts';
import { fleetLog } from '../fleet/fleet-log.ts';
import type { FleetOptions } from '../fleet/fleet-options.ts';
import type { FleetStore } from '../fleet/store.ts';
import type { RateSource } from '../limit/rate-table.ts';
import { WindowClock } from '../limit/window-clock.ts';
import { packageJson } from '../package-json.ts';

export interface ClientPlane {
  /** Null: bans are off. */
  readonly bans: BanService | null;
  /** Bans that hold only at the mail guard; null: bans are off. */
  readonly mailBans: MailBans | null;
  /** Null: no fleet is configured. */
  readonly fleet: Fleet | null;
  /** The clock of rate-limit windows, synchronised with the fleet's. */
  readonly windows: WindowClock;
  /** The fleet's shared store; null: no fleet is configured. */
  readonly store: FleetStore | null;
  /** Takes every probe event. Never throws, never blocks. */
  readonly onEvent: EventSink;
  /** Whether a client prefix is banned now. */
  readonly isBanned: (prefix: string) => boolean;
  /** Shares these counts with the fleet. Called again for each round, because tables come and go. */
  shareRates(sources: () => readonly RateSource[]): void;
  /** Applies another config. Turning bans on or off takes a restart. */
  reload(config: Config): Promise<void>;
  close(): Promise<void>;
}

export interface ClientPlaneOptions {
  readonly log: Logger;
  /** File that keeps bans across restarts; null: none. */
  readonly journal: string | null;
  /** Called for each ban that this gateway makes. */
  readonly onBan?: (ban: Ban) => void;
}

/** @throws Error if a ban list or the journal can't be read */
export async function startClientPlane(config: Config, options: ClientPlaneOptions): Promise<ClientPlane> {
  const { bans: bansConfig, fleet: fleetConfig } = config;
  let { journal } = options;
  const clocks = { clock: new FleetClock(), windows: new WindowClock() };
  const { clock, windows } = clocks;
  const bans = bansConfig === false ? null : await startBans(bansConfig, config, clock, options);
  const mailBans =
    bansConfig === false ? null : new MailBans(ledgerRules(bansConfig, config), Date.now, elapsed);
  mailBans?.ledger.onChange((change) => {
    if (change.kind === 'added') reportBan(change.ban, 'from mail', options);
  });
  let files = fleetConfig === false ? {} : fleetFiles(fleetConfig);
  let member =
    fleetConfig === false ? null : await startFleet(fleetConfig, files, clocks, bans, config, options.log);
  let running = fleetConfig;
  let rates: () => readonly RateSource[] = () => [];

  /** For another fleet, password or certificate: replaces the connections, and drops what waited in the old ones. */
  async function reloadFleet(next: Config): Promise<void> {
    const nextFiles = next.fleet === false ? {} : fleetFiles(next.fleet);
    if (isDeepStrictEqual([running, files], [next.fleet, nextFiles])) return;
    const old = member;
    [running, files] = [next.fleet, nextFiles];
    member =
      next.fleet === false ? null : await startFleet(next.fleet, files, clocks, bans, next, options.log);
    member?.fleet.share(rates);
    await old?.fleet.close();
  }

  return {
    bans,
    mailBans,
    windows,
    get fleet() {
      return member?.fleet ?? null;
    },
    get store() {
      return member?.store ?? null;
    },
    onEvent: (event) => {
      bans?.onEvent(event);
      member?.fleet.event(event);
    },
    isBanned: bans === null ? () => false : bans.isBanned,
    shareRates: (sources) => {
      rates = sources;
      member?.fleet.share(sources);
    },
    reload: async (next) => {
      await reloadFleet(next);
      if (bans === null || next.bans === false) return;
      const path = next.journal === false ? null : next.journal.path;
      if (path !== journal) {
        try {
          bans.moveTo(path === null ? null : banJournal(path, next, next.bans, options.log));
          journal = path;
        } catch (error) {
          options.log.error({ event: 'journal', err: error }, `bans can't be stored in ${path}`);
        }
      }
      const rules = ledgerRules(next.bans, next);
      bans.ledger.replace(rules);
      mailBans?.replace(rules);
      member?.fleet.replace(next.bans);
      await bans.reload(next.bans.lists);
    },
    close: async () => {
      await member?.fleet.close();
      bans?.close();
    },
  };
}

async function startBans(
  bans: BansConfig,
  config: Config,
  clock: FleetClock,
  options: ClientPlaneOptions,
): Promise<BanService> {
  const { log, journal } = options;
  const onError = (error: unknown): void => log.error(error, 'bans');
  return BanService.start({
    ledger: new BanLedger({
      ...ledgerRules(bans, config),
      clock: clock.now,
      elapsed,
    }),
    journal: journal === null ? null : banJournal(journal, config, bans, log),
    lists: bans.lists,
    onBan: (ban) => reportBan(ban, '', options),
    onError,
    onWarning: (words) => log.warn({ event: 'lists' }, words),
  });
}

/** @param where what the ban applies to; empty: everything */
function reportBan(ban: Ban, where: string, { log, onBan }: ClientPlaneOptions): void {
  const { prefix, by, reason } = ban;
  const until = endOf(ban);
  const what = where === '' ? prefix : `${prefix} ${where}`;
  const term = until === null ? 'for ever' : `until ${new Date(until).toISOString()}`;
  log.warn({ event: 'ban', ...ban, until }, `banned ${what} ${term}: ${reason} (${by})`);
  onBan?.(ban);
}

function banJournal(
  path: string,
  { journal }: Config,
  { for: terms }: BansConfig,
  log: Logger,
): SqliteBanJournal {
  const onError = (error: unknown): void => log.error(error, 'bans');
  // Bans and events share the file; bans get a fixed share of its size.
  const most = journal === false ? null : Math.floor((journal.maxSize * banShare) / banBytes);
  return new SqliteBanJournal({
    path,
    memory: Math.max(...terms),
    clock: Date.now,
    onError,
    ...(most === null ? {} : { most }),
  });
}

/**
 * Trusted proxies are exempt too: a request through one that does not name its client would otherwise ban every client behind
 * the proxy.
 */
function ledgerRules(
  { after, within, for: terms, allow, prefix6 }: BansConfig,
  { trustedProxies }: Config,
): LedgerRules {
  const exempt = PrefixSet.ofClients([...allow, ...trustedProxies]);
  return { after, within, for: terms, exempt, prefix6 };
}

type LedgerRules = Omit<LedgerOptions, 'clock' | 'elapsed' | 'capacity'>;

/** Reread with each reload: a renewed certificate has the same file name. */
function fleetFiles({ ca, cert, key }: FleetConfig): Readonly<Record<string, Buffer>> {
  const named = Object.entries({ ca, cert, key }).filter(([, file]) => file !== null);
  return Object.fromEntries(named.map(([name, file]) => [name, readFileSync(file!)]));
}

async function startFleet(
  { valkey, name }: FleetConfig,
  files: Readonly<Record<string, Buffer>>,
  clocks: Pick<FleetOptions, 'clock' | 'windows'>,
  bans: BanService | null,
  config: Config,
  log: Logger,
): Promise<{ readonly fleet: Fleet; readonly store: FleetStore }> {
  const [{ Fleet }, { ValkeyStore }] = await Promise.all([
    import('../fleet/fleet.ts'),
    import('../fleet/valkey-store.ts'),
  ]);
  const terms = config.bans === false ? [] : config.bans.for;
  const { after, within } = config.bans || { after: 1, within: 1 };
  const remember = Math.max(...terms, 60_000);
  const store = new ValkeyStore({
    url: valkey,
    prefix: name,
    ...files,
    remember,
    onError: (error) => log.debug(error, 'fleet'),
  });
  const fleet = new Fleet({
    store,
    name,
    ledger: bans?.ledger ?? null,
    threshold: { after, within },
    remember,
    ...clocks,
    describe: () => ({ name: gatewayName(config), version: packageJson.version }),
    ...fleetLog(log),
  });
  return { fleet, store };
}

/** The clock for windows of probes: unlike the time of day it never jumps. */
const elapsed = (): number => performance.now();
