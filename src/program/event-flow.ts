/** Folds events and passes them to the journal, to alerts, to the collector and to connected browsers. */
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { shown } from '../admin/shown-event.ts';
import { Stream } from '../admin/stream.ts';
import type { Alerts } from '../alerts/alerts.ts';
import { endOf } from '../bans/ban.ts';
import type { Config } from '../config/config.ts';
import { gatewayName } from '../config/gateway-name.ts';
import type { EventSink, ProbeEvent } from '../events/event.ts';
import { EventFolder } from '../events/fold.ts';
import { Journal } from '../events/journal.ts';
import type { OriginOf } from '../geo/origin.ts';
import { withPackages } from '../optional-package.ts';
import { packageJson } from '../package-json.ts';
import { isProbe } from '../rules/catalogue.ts';
import type { EventRecords } from './event-records.ts';
import type { Geo } from './geo.ts';
import type { PreparedPart } from './prepared.ts';

/** Milliseconds over which events are folded before they are written and shown. */
const foldTime = 500;
/** The most rows in one message to browsers; further rows are only counted there. */
const shownRows = 50;
/** The in-memory journal for the dashboard of a gateway without a journal file. */
const memoryJournal = { path: ':memory:', keep: 7 * 86_400_000, maxSize: 64 * 1024 * 1024 } as const;

export class EventFlow {
  /** Live messages to browsers. */
  readonly stream = new Stream();
  /** Probes since the start, by `rule action`. */
  readonly probes = new Map<string, number>();
  readonly #log: Logger;
  readonly #geo: Geo;
  readonly #folder = new EventFolder();
  #timer: NodeJS.Timeout | null = null;
  #config: Config;
  #journal: Journal | null;
  #alerts: Alerts | null = null;
  /** Set at the start; another collector takes a restart. */
  #records: EventRecords | null = null;

  /** @throws Error if another process uses the journal */
  static async open(config: Config, log: Logger, geo: Geo): Promise<EventFlow> {
    const flow = new EventFlow(config, log, geo);
    // A journal that can't be opened may become available later; one in use by another process is a misconfiguration.
    const inUse = await flow.#journal?.size().then(
      () => null,
      ({ message }: Error) => (/is in use by process \d+/.test(message) ? message : null),
    );
    if (inUse != null) {
      await flow.#journal?.close();
      throw new Error(`the journal ${config.journal === false ? '' : config.journal.path} ${inUse}`);
    }
    flow.#records = await startRecords(config, log, geo.of);
    flow.#alerts = await startAlerts(config, flow.#journal, log, geo.of);
    return flow;
  }

  private constructor(config: Config, log: Logger, geo: Geo) {
    this.#log = log;
    this.#geo = geo;
    this.#config = config;
    this.#journal = this.#open(config);
  }

  /** Null: neither a journal nor an admin listener is configured. */
  get journal(): Journal | null {
    return this.#journal;
  }

  /** Null: no alerts are configured. */
  get alerts(): Alerts | null {
    return this.#alerts;
  }

  /** Null: events are not sent to a collector. */
  get records(): EventRecords['counts'] | null {
    return this.#records?.counts ?? null;
  }

  /** Takes every probe event. Never throws, never blocks. */
  readonly onEvent: EventSink = (event: ProbeEvent): void => {
    const key = `${event.rule} ${event.action}`;
    this.probes.set(key, (this.probes.get(key) ?? 0) + 1);
    this.#folder.add(event);
    this.#timer ??= setTimeout(() => this.#flush(), foldTime);
  };

  onBan(kind: 'added' | 'removed', ban: { prefix: string; until: number; reason: string }): void {
    if (kind === 'added') {
      const until = endOf(ban);
      this.#alerts?.ban({ ...ban, until });
      this.#records?.ban({ ...ban, until });
    }
    this.stream.send('bans', { kind, prefix: ban.prefix });
  }

  onBackend(name: string, healthy: boolean, why: string): void {
    this.#alerts?.trouble('backend', name, healthy ? null : why);
    this.stream.send('backends', { name, fit: healthy, why });
  }

  /** @param reason null: the trouble is resolved */
  onCertificate(host: string, reason: string | null): void {
    this.#alerts?.trouble('certificate', host, reason);
  }

  /** @param reason null: the trouble is resolved */
  onCertificateFile(file: string, reason: string | null): void {
    this.#alerts?.trouble('certificate-file', file, reason);
  }

  /** @param name of the certificate @param reason null: the trouble is resolved */
  onStaple(name: string, reason: string | null): void {
    this.#alerts?.trouble('ocsp', name, reason);
  }

  /** @param reason null: the trouble is resolved */
  onAccount(account: string, reason: string | null): void {
    this.#alerts?.trouble('account', account, reason);
  }

  /**
   * Prepares for another config: opens its journal. Journal and alerts whose settings are unchanged stay, with their queues.
   *
   * @throws Error if the journal can't be opened; nothing has changed then
   */
  async prepare(next: Config): Promise<PreparedPart> {
    const before = this.#config;
    const otherJournal = !isDeepStrictEqual(journalOf(next), journalOf(before));
    const otherAlerts = !isDeepStrictEqual(next.alerts, before.alerts);
    const nextJournal = otherJournal ? this.#open(next) : null;
    try {
      // Report a file that can't be opened now, not at the first probe.
      await nextJournal?.size();
    } catch (error) {
      await nextJournal?.close();
      throw error;
    }
    const commit = async () => {
      const [journal, alerts] = [this.#journal, this.#alerts];
      this.#config = next;
      if (otherJournal) {
        this.#flushNow();
        this.#journal = nextJournal;
      }
      if (otherAlerts) this.#alerts = await startAlerts(next, this.#journal, this.#log, this.#geo.of);
      return async () => {
        if (otherAlerts) await alerts?.close();
        if (otherJournal) await journal?.close();
      };
    };
    return { commit, abort: async () => nextJournal?.close() };
  }

  /** Sends the last live messages, and disconnects the browsers. */
  endStream(): void {
    this.#flushNow();
    this.stream.close();
  }

  /** Writes what is pending and stops everything. */
  async close(): Promise<void> {
    this.endStream();
    await Promise.all([this.#alerts?.close(), this.#records?.close()]);
    await this.#journal?.close();
  }

  #flushNow(): void {
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#flush();
  }

  #flush(): void {
    this.#timer = null;
    const rows = this.#folder.take();
    this.#alerts?.add(rows);
    this.#geo.count(rows);
    this.#records?.add(rows);
    const alerts = this.#alerts;
    void this.#journal?.write(rows).then((ids) => {
      for (const [index, row] of rows.entries()) if (ids[index] != null) alerts?.recorded(row, ids[index]);
      const probes = rows.flatMap((row, index) =>
        isProbe(row.rule) ? [{ row, id: ids[index] ?? null }] : [],
      );
      const events = probes.slice(-shownRows).map(({ row, id }) => {
        const { prefix, count, last, time, ...event } = row;
        const known = { ...event, id: id ?? 0, prefix, count, last, first: time };
        return { ...shown(known, this.#geo.of(event.client)), id };
      });
      const total = probes.reduce((sum, { row }) => sum + row.count, 0);
      this.stream.send('probes', { total, events });
    });
  }

  #open({ journal, admin }: Config): Journal | null {
    if (journal === false && admin === false) return null;
    const options = journal === false ? memoryJournal : journal;
    return new Journal({
      ...options,
      onTrouble: (reason) => {
        if (reason === null) this.#log.info({ event: 'journal' }, 'the journal can be written again');
        else
          this.#log.error(
            { event: 'journal', path: options.path, reason },
            `the journal ${options.path} can't be written: ${reason}. Traffic is not affected; events are counted in memory`,
          );
        this.#alerts?.trouble('journal', 'journal', reason);
      },
    });
  }
}

/** The journal's settings: a file, or whether one is kept in memory for the admin listener. */
const journalOf = ({ journal, admin }: Config): unknown => (journal === false ? admin !== false : journal);

async function startAlerts(
  { alerts }: Config,
  journal: Journal | null,
  log: Logger,
  originOf: OriginOf,
): Promise<Alerts | null> {
  if (alerts === false) return null;
  // If the journal is unreadable, every rule counts as seen for the first time.
  const known = await journal?.summary(0, 1).catch(() => null);
  const { Alerts } = await import('../alerts/alerts.ts');
  return new Alerts(alerts, { log, known: known?.totals.map(({ rule }) => rule) ?? [], originOf });
}

/** Loads the OTLP packages only if `otel.logs` is configured. */
async function startRecords(config: Config, log: Logger, originOf: OriginOf): Promise<EventRecords | null> {
  if (config.otel === false || config.otel.logs === null) return null;
  const endpoint = config.otel.logs;
  const { startEventRecords } = await withPackages('otel.logs', () => import('./event-records.ts'));
  return startEventRecords({
    endpoint,
    name: gatewayName(config),
    version: packageJson.version,
    originOf,
    onTrouble: (reason) => {
      if (reason === null) log.info({ event: 'otel' }, 'the collector accepts events again');
      else
        log.error(
          { event: 'otel', reason },
          `otel.logs: ${new URL(endpoint).host} does not accept events: ${reason}. They are queued, and are in the journal; check that the collector runs and takes OTLP at this address`,
        );
    },
  });
}
