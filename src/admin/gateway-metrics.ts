/** Metrics of the gateway other than requests: journal, bans, alerts, backends, fleet, mail, certificates. */
import type { CertificateState } from '../acme/renewals.ts';
import type { BanService } from '../bans/ban-service.ts';
import type { Journal } from '../events/journal.ts';
import type { FleetHealth } from '../fleet/fleet-options.ts';
import type { HealthState } from '../forward/backend-health.ts';
import { banMetrics } from '../metrics/ban-metrics.ts';
import type { ExtraMetric, Sample } from '../metrics/metrics.ts';
import type { StapleState } from '../ocsp/staples.ts';
import type { Stream } from './stream.ts';

interface Backend {
  readonly name: string;
  readonly state: HealthState;
  readonly load: number;
}

/** Counts of the mail guard; all but `sessions` since the start. */
export interface MailCounts {
  readonly messages: number;
  readonly recipients: number;
  readonly bytes: number;
  readonly sessions: number;
}

/** Certificates ordered by ACME. */
export interface OrderedCertificates {
  readonly states: readonly CertificateState[];
  /** Since the start. */
  readonly orders: { readonly issued: number; readonly failed: number };
}

interface Deliveries {
  readonly sent: number;
  readonly lost: number;
}

/** Getters, since a reload of the config can replace the journal and the alerts. */
export interface GatewayState {
  readonly journal: () => Journal;
  readonly alerts: () => Deliveries | null;
  /** Events exported by `otel.logs`; null: it is off. */
  readonly records: () => Deliveries | null;
  readonly bans: BanService | null;
  readonly backends: () => readonly Backend[] | Promise<readonly Backend[]>;
  readonly fleet: () => FleetHealth | null;
  readonly mail: () => MailCounts | null;
  readonly certificates: () => OrderedCertificates | null;
  readonly staples: () => readonly StapleState[];
  readonly stream: Stream;
  /** Probes by country; empty: `geo` names no file for it. */
  readonly countries: ReadonlyMap<string, number>;
}

export function gatewayMetrics(state: GatewayState): ExtraMetric[] {
  const { bans, stream, countries } = state;
  return [
    ...certificateMetrics(state.certificates),
    ...stapleMetrics(state.staples),
    {
      name: 'probes_by_country_total',
      help: 'Probes by country of the source (label country: ISO 3166-1 alpha-2 or unknown), if geo names a file for it.',
      type: 'counter',
      samples: () => [...countries].map(([country, count]): Sample => [{ country }, count]),
    },
    ...journalMetrics(state.journal),
    ...banMetrics(() => bans?.ledger.counts ?? null),
    ...mailMetrics(state.mail),
    ...deliveryMetrics(state.alerts, state.records),
    ...backendMetrics(state.backends),
    ...fleetMetrics(state.fleet),
    {
      name: 'dashboard_listeners',
      help: 'Browsers on the live feed.',
      type: 'gauge',
      samples: () => one(stream.size),
    },
  ];
}

const one = (value: number): Sample[] => [[{}, value]];

/** A sample only while the part it is about is turned on. */
const when = <T>(value: T | null, read: (value: T) => number): Sample[] =>
  value === null ? [] : one(read(value));

const certificateMetrics = (certificates: GatewayState['certificates']): ExtraMetric[] => [
  {
    name: 'certificate_expiry_timestamp_seconds',
    help: 'When a certificate ordered by ACME expires, seconds since the epoch (label host).',
    type: 'gauge',
    samples: () =>
      (certificates()?.states ?? []).flatMap(({ host, notAfter }): Sample[] =>
        notAfter === null ? [] : [[{ host }, notAfter / 1000]],
      ),
  },
  {
    name: 'acme_orders_total',
    help: 'Certificate orders since the start (label outcome: issued or failed).',
    type: 'counter',
    samples: () =>
      Object.entries(certificates()?.orders ?? {}).map(([outcome, count]): Sample => [{ outcome }, count]),
  },
];

/** A certificate has no sample before its responder has answered, or failed to. */
const stapleMetrics = (staples: GatewayState['staples']): ExtraMetric[] => {
  const samples = (read: (state: StapleState) => number) => () =>
    staples().flatMap((state): Sample[] => {
      const { host, serial, until, trouble } = state;
      return until === null && trouble === null ? [] : [[{ host, serial }, read(state)]];
    });
  return [
    {
      name: 'ocsp_response_expiry_timestamp_seconds',
      help: 'When the OCSP response for a must-staple certificate ends, seconds since the epoch (labels host and serial); 0: there is none.',
      type: 'gauge',
      samples: samples(({ until }) => (until ?? 0) / 1000),
    },
    {
      name: 'ocsp_response_fetched_timestamp_seconds',
      help: 'When the OCSP response for a must-staple certificate was fetched, seconds since the epoch (labels host and serial); 0: there is none.',
      type: 'gauge',
      samples: samples(({ fetched }) => (fetched ?? 0) / 1000),
    },
    {
      name: 'ocsp_responder_up',
      help: '1 if the last request for the OCSP response of a must-staple certificate gave a usable one, otherwise 0 (labels host and serial).',
      type: 'gauge',
      samples: samples(({ trouble }) => (trouble === null ? 1 : 0)),
    },
  ];
};

const journalMetrics = (journal: GatewayState['journal']): ExtraMetric[] => [
  {
    name: 'journal_written_total',
    help: 'Events written to the journal.',
    type: 'counter',
    samples: () => one(journal().status.written),
  },
  {
    name: 'journal_unwritten',
    help: 'Events not yet written to the journal.',
    type: 'gauge',
    samples: () => one(journal().status.unwritten),
  },
  {
    name: 'journal_up',
    help: '1 while the journal can be written.',
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
        .then(one, () => []),
  },
];

const mailMetrics = (mail: GatewayState['mail']): ExtraMetric[] => [
  {
    name: 'mails_total',
    help: 'Messages accepted by the mail server.',
    type: 'counter',
    samples: () => when(mail(), ({ messages }) => messages),
  },
  {
    name: 'mail_recipients_total',
    help: 'Recipients of messages accepted by the mail server.',
    type: 'counter',
    samples: () => when(mail(), ({ recipients }) => recipients),
  },
  {
    name: 'mail_bytes_total',
    help: 'Bytes of messages accepted by the mail server.',
    type: 'counter',
    samples: () => when(mail(), ({ bytes }) => bytes),
  },
  {
    name: 'mail_sessions',
    help: 'Open sessions of mail clients.',
    type: 'gauge',
    samples: () => when(mail(), ({ sessions }) => sessions),
  },
];

const deliveryMetrics = (alerts: GatewayState['alerts'], records: GatewayState['records']): ExtraMetric[] => [
  {
    name: 'alerts_total',
    help: 'Alerts raised.',
    type: 'counter',
    samples: () => when(alerts(), ({ sent }) => sent),
  },
  {
    name: 'alerts_lost_total',
    help: 'Alert deliveries that failed for good.',
    type: 'counter',
    samples: () => when(alerts(), ({ lost }) => lost),
  },
  {
    name: 'otel_logs_total',
    help: 'Events accepted by the otel.logs collector.',
    type: 'counter',
    samples: () => when(records(), ({ sent }) => sent),
  },
  {
    name: 'otel_logs_lost_total',
    help: 'Events that the otel.logs collector did not accept, dropped.',
    type: 'counter',
    samples: () => when(records(), ({ lost }) => lost),
  },
];

const backendMetrics = (backends: GatewayState['backends']): ExtraMetric[] => [
  {
    name: 'backend_up',
    help: '1 while a backend gets requests, 0 while it is ejected.',
    type: 'gauge',
    samples: async () =>
      (await backends()).map(({ name, state }): Sample => [{ backend: name }, state === 'ejected' ? 0 : 1]),
  },
  {
    name: 'backend_load',
    help: 'Requests in progress or queued, by backend.',
    type: 'gauge',
    samples: async () => (await backends()).map(({ name, load }): Sample => [{ backend: name }, load]),
  },
];

const fleetMetrics = (fleet: GatewayState['fleet']): ExtraMetric[] => [
  {
    name: 'fleet_up',
    help: '1 while this gateway is connected to its fleet.',
    type: 'gauge',
    samples: () => when(fleet(), ({ state }) => (state === 'connected' ? 1 : 0)),
  },
  {
    name: 'fleet_backlog',
    help: 'Events queued for the fleet.',
    type: 'gauge',
    samples: () => when(fleet(), ({ backlog }) => backlog),
  },
  {
    name: 'fleet_refused_total',
    help: 'Rejected records of the store: no prefix, too wide, allow-listed, or from the future.',
    type: 'counter',
    samples: () => when(fleet(), ({ refused }) => refused),
  },
];
