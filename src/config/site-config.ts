/** One element of `sites` of a document → its hosts, backends and settings. */
import { parseBackend } from './backend-url.ts';
import { type PolicyConfig, type SiteConfig, secretOfThisStart } from './config.ts';
import { readValid } from './fault.ts';
import { headerEdits } from './header-edits.ts';
import { parseHostEntry } from './host-entry.ts';
import { sitePolicy } from './policy-config.ts';
import { parseDuration, parseSize } from './quantity.ts';
import type { ConfigDocument } from './schema.ts';

/**
 * @param policy the global one
 * @param file turns a file name of the config into an absolute one
 */
export function siteConfig(
  site: ConfigDocument['sites'][number],
  policy: PolicyConfig,
  file: (name: string) => string,
): SiteConfig {
  const { health, connections, backendTls, rateLimit } = site;
  const optional = (name: string | undefined): string | null => (name === undefined ? null : file(name));
  return {
    hosts: site.hosts.map((host) => readValid(parseHostEntry(host))),
    backends: (site.backends ?? [{ url: site.backend! }]).map(({ url, weight }) => ({
      ...readValid(parseBackend(url)),
      weight: weight ?? 1,
    })),
    balance: site.balance,
    cookieSecret: site.cookieSecret ?? secretOfThisStart,
    health: health && { ...health, interval: duration(health.interval), timeout: duration(health.timeout) },
    connections: {
      ...connections,
      wait: duration(connections.wait),
      idle: duration(connections.idle),
    },
    backendTls: {
      ca: optional(backendTls.ca),
      servername: backendTls.servername ?? null,
      verify: backendTls.verify,
      cert: optional(backendTls.cert),
      key: optional(backendTls.key),
    },
    websocket: site.websocket,
    headers: headerEdits(site.headers),
    maxBody: site.maxBody === undefined ? null : parseSize(site.maxBody)!,
    policy: sitePolicy(site.policy, policy),
    rateLimit:
      rateLimit === undefined
        ? null
        : rateLimit && { ...rateLimit, timeWindow: duration(rateLimit.timeWindow) },
  };
}

const duration = (text: string): number => parseDuration(text)!;
