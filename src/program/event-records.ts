/**
 * Sends events to a collector as OpenTelemetry logs, over OTLP/HTTP. Off unless configured; the libraries are loaded only then.
 * The records are copies: the journal holds the events even if the collector loses them.
 */
import { ExportResultCode } from '@opentelemetry/core';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { LoggerProvider, type LogRecordProcessor, type ReadableLogRecord } from '@opentelemetry/sdk-logs';
import type { FoldedEvent } from '../events/fold.ts';
import { lineLimit } from '../events/probe-log.ts';
import type { OriginOf } from '../geo/origin.ts';
import { isProbe } from '../rules/catalogue.ts';

export interface EventRecordsOptions {
  /** `http://127.0.0.1:4318/v1/logs`. */
  readonly endpoint: string;
  /** Names this gateway. */
  readonly name: string;
  readonly version: string;
  readonly originOf: OriginOf;
  /** Called when the collector stops accepting records, and when it accepts them again (null). */
  readonly onTrouble: (reason: string | null) => void;
}

export interface EventRecords {
  /** Never throws, never blocks. */
  add(rows: readonly FoldedEvent[]): void;
  ban(ban: { readonly prefix: string; readonly until: number | null; readonly reason: string }): void;
  /** Since the start: accepted by the collector; lost because it refused them or too many were queued. */
  readonly counts: { readonly sent: number; readonly lost: number };
  /** Sends what is queued, for at most a few seconds. */
  close(): Promise<void>;
}

const severity = { info: 9, warn: 13 } as const;

export function startEventRecords(options: EventRecordsOptions): EventRecords {
  const { endpoint, name, version, originOf, onTrouble } = options;
  const queue = new RecordQueue(new OTLPLogExporter({ url: endpoint, timeoutMillis: 5000 }), onTrouble);
  const provider = new LoggerProvider({
    resource: resourceFromAttributes({
      'service.name': 'sekisho',
      'service.version': version,
      'service.instance.id': name,
    }),
    processors: [queue],
  });
  const logger = provider.getLogger('sekisho', version);
  return {
    counts: queue.counts,
    add: (rows) => {
      for (const row of rows) {
        const blocked = row.action === 'block';
        const probe = isProbe(row.rule);
        logger.emit({
          eventName: probe ? 'sekisho.probe' : 'sekisho.banned',
          timestamp: row.time,
          observedTimestamp: Date.now(),
          severityNumber: blocked ? severity.warn : severity.info,
          severityText: blocked ? 'WARN' : 'INFO',
          body: probe
            ? `relay probe ${blocked ? 'blocked' : 'flagged'}: ${row.rule} from ${row.client}. ${row.why}`
            : `banned client refused: ${row.client}`,
          attributes: attributesOf(row, originOf),
        });
      }
    },
    ban: ({ prefix, until, reason }) =>
      logger.emit({
        eventName: 'sekisho.ban',
        timestamp: Date.now(),
        severityNumber: severity.warn,
        severityText: 'WARN',
        body: `banned ${prefix}: ${reason}`,
        attributes: there({
          'client.address': prefix,
          'sekisho.until': until === null ? null : new Date(until).toISOString(),
          'sekisho.reason': reason,
        }),
      }),
    close: () => provider.shutdown().catch(() => {}),
  };
}

type Attributes = Record<string, string | number | string[]>;

/** Named by OpenTelemetry's semantic conventions, or under `sekisho.` if those have no name. */
function attributesOf(row: FoldedEvent, originOf: OriginOf): Attributes {
  const { country, asn, network } = originOf(row.client);
  const web = row.protocol === 'http/1.1' || row.protocol === 'h2';
  const status = web && typeof row.answer === 'number' ? row.answer : null;
  return there({
    'client.address': row.client,
    'client.port': row.clientPort,
    'network.local.address': row.localAddress,
    'network.local.port': row.localPort,
    'network.transport': 'tcp',
    'network.protocol.name': web ? 'http' : row.protocol,
    'network.protocol.version': web ? (row.protocol === 'h2' ? '2' : '1.1') : null,
    'http.response.status_code': status,
    'tls.client.server_name': row.sni,
    'geo.country.iso_code': country,
    'sekisho.asn': asn,
    'sekisho.network': network,
    'sekisho.rule': row.rule,
    'sekisho.rules': [...row.rules],
    'sekisho.action': row.action,
    'sekisho.intent': row.intent,
    'sekisho.destination': row.destination,
    'sekisho.answer': status === null ? row.answer : null,
    'sekisho.site': row.site,
    'sekisho.listener': row.listener,
    'sekisho.session': row.session,
    'sekisho.prefix': row.prefix,
    'sekisho.count': row.count,
    'sekisho.last': new Date(row.last).toISOString(),
    'sekisho.request': row.request,
    'sekisho.bytes': row.bytes.slice(0, lineLimit),
  });
}

const there = (fields: Readonly<Record<string, Attributes[string] | null | undefined>>): Attributes =>
  Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, Attributes[string]] => entry[1] != null),
  );

/** The most records in one message. */
const batch = 256;
/** The most records queued, at most some 10 KiB each. When full, the oldest is dropped and counted. */
const capacity = 2048;
/** Milliseconds from the first record of a batch to its message; doubled after each failure. */
const firstPause = 1000;
const longestPause = 60_000;

/** Replaces the SDK's batch processor, which silently drops records that do not fit and batches that fail. */
class RecordQueue implements LogRecordProcessor {
  readonly counts = { sent: 0, lost: 0 };
  readonly #exporter: OTLPLogExporter;
  readonly #onTrouble: (reason: string | null) => void;
  readonly #waiting: ReadableLogRecord[] = [];
  #timer: NodeJS.Timeout | null = null;
  #sending: Promise<boolean> | null = null;
  #pause = firstPause;
  #troubled = false;

  constructor(exporter: OTLPLogExporter, onTrouble: (reason: string | null) => void) {
    this.#exporter = exporter;
    this.#onTrouble = onTrouble;
  }

  onEmit(record: ReadableLogRecord): void {
    this.#waiting.push(record);
    if (this.#waiting.length > capacity) {
      this.#waiting.shift();
      this.counts.lost++;
    }
    this.#schedule();
  }

  async forceFlush(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    await this.#sending;
    while (this.#waiting.length > 0 && (await this.#send()));
  }

  async shutdown(): Promise<void> {
    await this.forceFlush();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.counts.lost += this.#waiting.splice(0).length;
    await this.#exporter.shutdown();
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      void this.#send();
    }, this.#pause).unref();
  }

  /** @returns whether the collector accepted the batch; otherwise it is queued again */
  #send(): Promise<boolean> {
    this.#sending ??= this.#sendOne().finally(() => {
      this.#sending = null;
      if (this.#waiting.length > 0) this.#schedule();
    });
    return this.#sending;
  }

  async #sendOne(): Promise<boolean> {
    const records = this.#waiting.splice(0, batch);
    if (records.length === 0) return true;
    const error = await new Promise<Error | null>((done) =>
      this.#exporter.export(records, (result) =>
        done(result.code === ExportResultCode.SUCCESS ? null : (result.error ?? new Error('it failed'))),
      ),
    );
    if (error === null) {
      this.counts.sent += records.length;
      this.#pause = firstPause;
      if (this.#troubled) this.#onTrouble(null);
      this.#troubled = false;
      return true;
    }
    // The collector read and rejected the batch: retrying would block all later records (OTLP, "Failures").
    if ([400, 413].includes((error as { code?: number }).code ?? 0)) this.counts.lost += records.length;
    else this.#waiting.unshift(...records);
    const over = this.#waiting.length - capacity;
    if (over > 0) this.counts.lost += this.#waiting.splice(0, over).length;
    this.#pause = Math.min(this.#pause * 2, longestPause);
    if (!this.#troubled) this.#onTrouble(error.message);
    this.#troubled = true;
    return false;
  }
}
