/** The access log: one entry per forwarded request. `events/combined-line.ts` makes the Combined Log Format line. */
import type { Logger } from 'pino';
import { printable } from '../events/redact.ts';
import type { Served } from '../forward/served.ts';

/** Characters kept of a Referer and a User-Agent: no real page or browser needs more. */
const kept = 512;

export function logAccess(log: Logger, { judged, status, outcome, start, sent }: Served): void {
  const { request, verdict, client } = judged;
  const { method, version, rawHeaders } = request;
  const { path, host, site } = verdict;
  const end = outcome === 'answered' ? '' : ` (${outcome})`;
  log.info(
    {
      event: 'access',
      client: client.address,
      site: site?.name,
      method,
      path,
      protocol: `HTTP/${version}`,
      status,
      bytes: sent,
      ms: Math.round(performance.now() - start),
      referer: headerOf(rawHeaders, 'referer'),
      agent: headerOf(rawHeaders, 'user-agent'),
      outcome,
    },
    `${client.address} ${method} ${host}${path} ${status}${end}`,
  );
}

/** The first field of that name; undefined: none. */
function headerOf(rawHeaders: readonly string[], wanted: string): string | undefined {
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!;
    if (name.length === wanted.length && name.toLowerCase() === wanted)
      return printable(rawHeaders[at + 1]!.slice(0, kept));
  }
  return undefined;
}
