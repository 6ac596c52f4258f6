/**
 * OpenTelemetry traces of the requests that were let in, to one collector over OTLP/HTTP. Off unless configured: the
 * libraries are not even loaded then. What the checkpoint refuses never gets here; it is in the journal.
 */
import { FastifyOtelInstrumentation } from '@fastify/otel';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  BatchSpanProcessor,
  NodeTracerProvider,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-node';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';

export interface TracesOptions {
  /** Of the collector, `http://127.0.0.1:4318/v1/traces`. */
  readonly endpoint: string;
  /** Share of the requests that are traced, 0 to 1. */
  readonly sample: number;
}

async function tracesPlugin(app: FastifyInstance, { endpoint, sample }: TracesOptions): Promise<void> {
  const provider = new NodeTracerProvider({
    // By itself, whatever a client's traceparent says: it could have everything traced.
    sampler: new TraceIdRatioBasedSampler(sample),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url: endpoint, timeoutMillis: 5000 }))],
  });
  const instrumentation = new FastifyOtelInstrumentation({
    instrumentHooks: false,
    instrumentHandler: false,
    recordExceptions: false,
    requestHook: (span, { raw }) => {
      const { verdict } = app.relayGuard.judge(raw);
      span.updateName(`${raw.method} ${verdict.site?.name ?? ''}`);
      span.setAttributes({
        'service.name': 'sekisho',
        'sekisho.site': verdict.site?.name ?? '',
        'sekisho.verdict': verdict.action,
        // Without the query, in which secrets travel.
        'url.path': verdict.path.split('?', 1)[0]!,
      });
    },
  });
  instrumentation.setTracerProvider(provider);
  await app.register(instrumentation.plugin());
  app.addHook('onClose', async () => {
    await provider.shutdown().catch(() => {});
  });
}

export const traces = fp(tracesPlugin, {
  name: 'sekisho-traces',
  fastify: '5.x',
  dependencies: ['sekisho-relay-guard'],
});
