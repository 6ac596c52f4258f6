/**
 * What is known of clients beyond one request: bans, and what the gateways of a fleet tell each other. Lives once a gateway,
 * however many processes carry its requests.
 */
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { parsePrefix } from '../address/ip.ts';
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
  /** Those that hold at the mail guard alone; null: bans are off. */
  readonly mailBans: MailBans | null;
  /** Null: this gateway stands alone. */
  readonly fleet: Fleet | null;
  /** What windows of limits go by: that of the fleet, where there is one. */
  readonly windows: WindowClock;
  /** What its gateways share; null: this gateway stands alone. */
  readonly store: FleetStore | null;
  /** Takes every probe event. Never throws, never blocks. */
  readonly onEvent: EventSink;
  /** Whether a client prefix is banned at this moment. */
  readonly isBanned: (prefix: string) => boolean;
  /** Shares these counts with the fleet; asked again for each round, since tables come and go. */
  shareRates(sources: () => readonly RateSource[]): void;
  /** Puts another config in force; turning bans on and off, and other fleets, take a restart. */
  reload(config: Config): Promise<void>;
  close(): Promise<void>;
}

export interface ClientPlaneOptions {
  readonly log: Logger;
  /** File in which bans outlive the process; null: none. */
  readonly journal: string | null;
  /** Told of each ban that this gateway makes. */
  readonly onBan?: (ban: Ban) => void;
}

/** @throws Error where a ban list or the journal can't be read */
export async function startClientPlane(config: Config, options: ClientPlaneOptions): Promise<ClientPlane> {
  const { bans: bansConfig, fleet: fleetConfig } = config;
  let { journal } = options;
  const clocks = { clock: new FleetClock(), windows: new WindowClock() };
  const { clock, windows } = clocks;
  const bans = bansConfig === false ? null : await startBans(bansConfig, config, clock, options);
  const mailBans =
    bansConfig === false ? null : new MailBans(ledgerRules(bansConfig, config), Date.now, elapsed);
  mailBans?.ledger.onChange((change) => {
    if (change.kind === 'added') tellBan(change.ban, 'from mail', options);
  });
  let files = fleetConfig === false ? {} : fleetFiles(fleetConfig);
  let member =
    fleetConfig === false ? null : await startFleet(fleetConfig, files, clocks, bans, config, options.log);
  let running = fleetConfig;
  let rates: () => readonly RateSource[] = () => [];

  /** Another fleet, another password, another certificate: the old connections go, and what waited in them. */
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
          options.log.error({ event: 'journal', err: error }, `bans can not be kept in ${path}`);
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
    onBan: (ban) => tellBan(ban, '', options),
    onError,
  });
}

/** @param where it holds, where not everywhere */
function tellBan(ban: Ban, where: string, { log, onBan }: ClientPlaneOptions): void {
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
  // Bans share the file with events, and have a share of its size.
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
 * Trusted proxies are exempt too: whatever a client sends through one without a word on whom it is from would else ban
 * everybody behind it.
 */
function ledgerRules(
  { after, within, for: terms, allow, prefix6 }: BansConfig,
  { trustedProxies }: Config,
): LedgerRules {
  const exempt = new PrefixSet([...allow, ...trustedProxies].map((prefix) => parsePrefix(prefix)!));
  return { after, within, for: terms, exempt, prefix6 };
}

type LedgerRules = Omit<LedgerOptions, 'clock' | 'elapsed' | 'capacity'>;

/** Files are read anew with each reload: certificates are replaced by others of the same name. */
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

/** What windows of probes go by: the time of day may jump. */
const elapsed = (): number => performance.now();
