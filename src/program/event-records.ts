/**
 * Events to a collector as OpenTelemetry logs, over OTLP/HTTP. Off unless configured: the libraries are not even loaded then. They are
 * a copy: the journal holds them whatever becomes of it.
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
  /** Names this gateway, and its version. */
  readonly name: string;
  readonly version: string;
  readonly originOf: OriginOf;
  /** Told when the collector takes nothing any more, and when it does again (null). */
  readonly onTrouble: (reason: string | null) => void;
}

export interface EventRecords {
  /** Never throws, never blocks. */
  add(rows: readonly FoldedEvent[]): void;
  ban(ban: { readonly prefix: string; readonly until: number | null; readonly reason: string }): void;
  /** Since the start: taken by the collector, and given up because too many waited. */
  readonly counts: { readonly sent: number; readonly lost: number };
  /** Sends what waits, and waits for it for a few seconds. */
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

/** By the semantic conventions of OpenTelemetry where they have a name, else under `sekisho.`. */
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

/** Records of one message. */
const batch = 256;
/** Records that wait, some 10 KiB each at most; the oldest goes when one more comes, and is counted. */
const capacity = 2048;
/** Milliseconds from the first record of a batch to its message, and after one that failed, doubled each time. */
const firstPause = 1000;
const longestPause = 60_000;

/** As a batch processor of the SDK, which drops without a word what does not fit, and a batch that failed. */
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

  /** @returns whether the collector took it; what it did not take waits again */
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
    // It was read, and is not wanted: sent again it would keep the others from getting through (OTLP, "Failures").
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
