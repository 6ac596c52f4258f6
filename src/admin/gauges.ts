/** What the metrics tell of the gateway beside its requests: journal, bans, alerts, backends, fleet. */
import type { CertificateState } from '../acme/renewals.ts';
import type { BanService } from '../bans/ban-service.ts';
import type { Journal } from '../events/journal.ts';
import type { FleetHealth } from '../fleet/fleet-options.ts';
import type { HealthState } from '../forward/backend-health.ts';
import type { MetricSource, Sample } from '../metrics/metrics.ts';
import type { Stream } from './stream.ts';

interface Backend {
  readonly name: string;
  readonly state: HealthState;
  readonly load: number;
}

/** What the mail guard has passed on since the start. */
export interface Mailed {
  readonly messages: number;
  readonly recipients: number;
  readonly bytes: number;
  readonly sessions: number;
}

/** Certificates that are ordered. */
export interface Ordered {
  readonly states: readonly CertificateState[];
  /** Since the start. */
  readonly orders: { readonly issued: number; readonly failed: number };
}

/** Journal and alerts come and go with the config, so they are asked for each time. */
export interface Measured {
  readonly journal: () => Journal;
  readonly alerts: () => { readonly sent: number; readonly lost: number } | null;
  /** Events sent to a collector; null: they are not. */
  readonly records: () => { readonly sent: number; readonly lost: number } | null;
  readonly bans: BanService | null;
  readonly backends: () => readonly Backend[] | Promise<readonly Backend[]>;
  readonly fleet: () => FleetHealth | null;
  readonly mail: () => Mailed | null;
  readonly certificates: () => Ordered | null;
  readonly stream: Stream;
  /** Probes by country; empty: where clients are from is not known. */
  readonly countries: ReadonlyMap<string, number>;
}

export function gauges({
  journal,
  alerts,
  records,
  bans,
  backends,
  fleet,
  mail,
  certificates,
  stream,
  countries,
}: Measured): MetricSource['others'] {
  const one = (value: number): Sample[] => [[{}, value]];
  const when = <T>(value: T | null, read: (value: T) => number): Sample[] =>
    value === null ? [] : one(read(value));
  return [
    {
      name: 'certificate_expiry_timestamp_seconds',
      help: 'When a certificate that is ordered ends, seconds since the epoch.',
      type: 'gauge',
      samples: () =>
        (certificates()?.states ?? []).flatMap(({ host, notAfter }): Sample[] =>
          notAfter === null ? [] : [[{ host }, notAfter / 1000]],
        ),
    },
    {
      name: 'acme_orders_total',
      help: 'Orders of certificates since the start, by outcome.',
      type: 'counter',
      samples: () =>
        Object.entries(certificates()?.orders ?? {}).map(([outcome, count]): Sample => [{ outcome }, count]),
    },
    {
      name: 'probes_by_country_total',
      help: 'Probes by the country of their source (label country, ISO 3166-1 alpha-2 or unknown), where geo names a file for it.',
      type: 'counter',
      samples: () => [...countries].map(([country, count]): Sample => [{ country }, count]),
    },
    {
      name: 'journal_written_total',
      help: 'Events written to the journal.',
      type: 'counter',
      samples: () => one(journal().status.written),
    },
    {
      name: 'journal_unwritten',
      help: 'Events that wait for the journal to take them.',
      type: 'gauge',
      samples: () => one(journal().status.unwritten),
    },
    {
      name: 'journal_up',
      help: '1 while the journal takes events.',
      type: 'gauge',
      samples: () => one(journal().status.trouble === null ? 1 : 0),
    },
    {
      name: 'journal_bytes',
      help: 'Size of the journal.',
      type: 'gauge',
      samples: () =>
        journal()
          .size()
          .then(
            (bytes) => one(bytes),
            () => [],
          ),
    },
    {
      name: 'bans',
      help: 'Prefixes banned now.',
      type: 'gauge',
      samples: () => when(bans, ({ ledger }) => ledger.counts.active),
    },
    {
      name: 'bans_listed',
      help: 'Prefixes on imported lists.',
      type: 'gauge',
      samples: () => when(bans, ({ ledger }) => ledger.counts.listed),
    },
    {
      name: 'ban_records_evicted_total',
      help: 'Bans forgotten because there were too many.',
      type: 'counter',
      samples: () => when(bans, ({ ledger }) => ledger.counts.evicted),
    },
    {
      name: 'mails_total',
      help: 'Messages that the mail server took.',
      type: 'counter',
      samples: () => when(mail(), ({ messages }) => messages),
    },
    {
      name: 'mail_recipients_total',
      help: 'Recipients of messages that the mail server took.',
      type: 'counter',
      samples: () => when(mail(), ({ recipients }) => recipients),
    },
    {
      name: 'mail_bytes_total',
      help: 'Octets of messages that the mail server took.',
      type: 'counter',
      samples: () => when(mail(), ({ bytes }) => bytes),
    },
    {
      name: 'mail_sessions',
      help: 'Sessions of mail clients open now.',
      type: 'gauge',
      samples: () => when(mail(), ({ sessions }) => sessions),
    },
    {
      name: 'alerts_total',
      help: 'Messages made.',
      type: 'counter',
      samples: () => when(alerts(), ({ sent }) => sent),
    },
    {
      name: 'alerts_lost_total',
      help: 'Deliveries given up.',
      type: 'counter',
      samples: () => when(alerts(), ({ lost }) => lost),
    },
    {
      name: 'otel_logs_total',
      help: 'Events that the collector of otel.logs took.',
      type: 'counter',
      samples: () => when(records(), ({ sent }) => sent),
    },
    {
      name: 'otel_logs_lost_total',
      help: 'Events that it did not take, and that were given up.',
      type: 'counter',
      samples: () => when(records(), ({ lost }) => lost),
    },
    {
      name: 'backend_up',
      help: '1 while a backend gets requests.',
      type: 'gauge',
      samples: async () =>
        (await backends()).map(({ name, state }): Sample => [{ backend: name }, state === 'ejected' ? 0 : 1]),
    },
    {
      name: 'backend_load',
      help: 'Requests under way or waiting, by backend.',
      type: 'gauge',
      samples: async () => (await backends()).map(({ name, load }): Sample => [{ backend: name }, load]),
    },
    {
      name: 'fleet_up',
      help: '1 while the gateways of the fleet hear of each other.',
      type: 'gauge',
      samples: () => when(fleet(), ({ state }) => (state === 'connected' ? 1 : 0)),
    },
    {
      name: 'fleet_backlog',
      help: 'Events that wait for the fleet.',
      type: 'gauge',
      samples: () => when(fleet(), ({ backlog }) => backlog),
    },
    {
      name: 'fleet_refused_total',
      help: 'Records of the store that were not taken: no prefix, too wide, allow-listed, or from the future.',
      type: 'counter',
      samples: () => when(fleet(), ({ refused }) => refused),
    },
    {
      name: 'dashboard_listeners',
      help: 'Browsers on the live feed.',
      type: 'gauge',
      samples: () => one(stream.size),
    },
  ];
}
