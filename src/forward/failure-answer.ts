/** The answer to a client whose backend gave none. */
import type { UpstreamStatus } from './upstream-error.ts';

const reasons = {
  408: 'Request Timeout',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
} as const;

export interface FailureAnswer {
  readonly reason: string;
  /** name, value, name, value … */
  readonly headers: string[];
  readonly text: string;
}

export function failureAnswer(status: UpstreamStatus): FailureAnswer {
  const reason = reasons[status];
  const text = `${status} ${reason}\n`;
  const headers = ['Content-Type', 'text/plain; charset=utf-8', 'Content-Length', String(text.length)];
  // RFC 9110 section 10.2.3. The queue of a backend drains within a second, or not at all.
  if (status === 503) headers.push('Retry-After', '1');
  return { reason, headers, text };
}
