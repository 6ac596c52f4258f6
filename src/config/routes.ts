/** A site of the config → the route that the forwarder takes. */
import { readFileSync } from 'node:fs';
import type { BackendAddress } from '../forward/backend.ts';
import { FieldEdits } from '../forward/field-edits.ts';
import type { Route } from '../forward/forwarder.ts';
import type { BackendConfig, SiteConfig } from './config.ts';

/** @throws Error if a file of `backendTls` can't be read */
export function siteRoute({
  backends,
  balance,
  cookieSecret,
  health,
  connections,
  backendTls,
  hosts,
  headers,
}: SiteConfig): Route {
  if (backends[0]!.kind === 'welcome') return 'welcome';
  const { max: maxConnections, queue: maxQueue, wait: queueTimeout, idle } = connections;
  return {
    backends: backends.map((backend) => ({ address: address(backend, backendTls), weight: backend.weight })),
    balance,
    cookieSecret,
    health: health === false ? null : { ...health, host: hosts[0]!.host.replace(/^\*\./, '') },
    fields: { request: FieldEdits.of(headers.request), response: FieldEdits.of(headers.response) },
    pool: { maxConnections, maxQueue, queueTimeout, idle },
  };
}

function address(
  backend: BackendConfig,
  { ca, servername, verify, cert, key }: SiteConfig['backendTls'],
): BackendAddress {
  switch (backend.kind) {
    case 'welcome':
      throw new TypeError('the welcome page is no backend beside others');
    case 'unix':
      return { kind: 'unix', path: backend.path };
    case 'tcp': {
      const { host, port, protocol } = backend;
      const http2 = protocol === 'h2c' || protocol === 'h2';
      if (protocol === 'http' || protocol === 'h2c') return { kind: 'tcp', host, port, http2 };
      const read = (name: string): string => readFileSync(name, 'latin1');
      const authorities = ca === null ? undefined : read(ca);
      const own = cert === null || key === null ? undefined : { cert: read(cert), key: read(key) };
      return {
        kind: 'tls',
        host,
        port,
        http2,
        tls: { servername: servername ?? host, ca: authorities, verify, own },
      };
    }
  }
}
