/**
 * Sends OpenTelemetry traces of forwarded requests to one collector, over OTLP/HTTP. Off unless configured; the libraries are
 * loaded only then. Refused requests are not traced; they are in the journal.
 */
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  NodeTracerProvider,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-node';
import type { Served } from '../forward/served.ts';

export interface TracesOptions {
  /** The collector's URL, `http://127.0.0.1:4318/v1/traces`. */
  readonly endpoint: string;
  /** Share of requests to trace, 0 to 1. */
  readonly sample: number;
}

export interface Traces {
  /** Makes the span of a finished request, and a child span for its time at the backend. */
  onServed(served: Served): void;
  /** Sends the remaining spans. */
  close(): Promise<void>;
}

const propagator = new W3CTraceContextPropagator();

export function startTraces({ endpoint, sample }: TracesOptions): Traces {
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'sekisho' }),
    // Independent of the client's traceparent: a client could otherwise have all its requests traced.
    sampler: new TraceIdRatioBasedSampler(sample),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url: endpoint, timeoutMillis: 5000 }))],
  });
  const tracer = provider.getTracer('sekisho');
  return {
    onServed: ({ judged: { request, verdict }, status, outcome, start, backend }) => {
      const end = performance.timeOrigin + performance.now();
      const site = verdict.site?.name ?? '';
      const parent = propagator.extract(ROOT_CONTEXT, request.rawHeaders, rawHeaderGetter);
      const span = tracer.startSpan(
        `${request.method} ${site}`,
        {
          kind: SpanKind.SERVER,
          startTime: performance.timeOrigin + start,
          attributes: {
            'http.request.method': request.method,
            'http.response.status_code': status,
            'sekisho.site': site,
            'sekisho.verdict': verdict.action,
            'sekisho.outcome': outcome,
            // Without the query, which may hold secrets.
            'url.path': verdict.path.split('?', 1)[0]!,
          },
        },
        parent,
      );
      if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
      if (backend !== null) {
        tracer
          .startSpan(
            `backend ${backend.name}`,
            { kind: SpanKind.CLIENT, startTime: performance.timeOrigin + backend.start },
            trace.setSpan(parent, span),
          )
          .end(end);
      }
      span.end(end);
    },
    close: () => provider.shutdown().catch(() => {}),
  };
}

/** Reads single fields of raw headers: name, value, name, value … */
const rawHeaderGetter = {
  keys: (raw: readonly string[]): string[] => raw.filter((_, i) => i % 2 === 0),
  get: (raw: readonly string[], key: string): string | undefined => {
    const at = raw.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === key);
    return at === -1 ? undefined : raw[at + 1];
  },
};
