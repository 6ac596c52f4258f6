/** Where OpenTelemetry traces and logs are sent. */
import { asMap } from './plain-data.ts';
import type { ConfigDocument } from './schema.ts';
import type { Finding } from './schema-faults.ts';

export interface OtelConfig {
  /** OTLP/HTTP URL of the traces. */
  readonly endpoint: string;
  /** OTLP/HTTP URL of the events; null: they are not sent. */
  readonly logs: string | null;
  /** 0 to 1. */
  readonly sample: number;
}

const tracesPath = /\/v1\/traces\/?$/;

export function otelConfig(otel: ConfigDocument['otel']): false | OtelConfig {
  if (otel === false) return false;
  const { endpoint, logs, sample } = otel;
  const beside = logs === true ? endpoint.replace(tracesPath, '/v1/logs') : logs;
  return { endpoint, logs: beside === false ? null : beside, sample };
}

/** `logs: true` derives the URL of the logs from that of the traces, which must then end in `/v1/traces`. */
export function otelFindings(otel: unknown): Finding[] {
  const { endpoint, logs } = asMap(otel);
  return logs !== true || typeof endpoint !== 'string' || tracesPath.test(endpoint)
    ? []
    : [
        {
          path: ['otel', 'logs'],
          message: "can't derive where events go: the endpoint does not end in /v1/traces",
          fix: 'write the URL for logs, such as http://HOST:4318/v1/logs',
        },
      ];
}
