/** A first probe to send oneself, so that a new operator sees one come in. */
import { hostPort } from '../address/host-port.ts';
import type { Config } from '../config/config.ts';

/** A page of another server, asked of the first plain listener; null where there is none that curl can ask. */
export function knockCommand({ listen }: Pick<Config, 'listen'>): string | null {
  const plain = listen.find(({ tls, proxyProtocol, port }) => tls === null && !proxyProtocol && port > 0);
  if (plain === undefined) return null;
  const host = plain.host === '0.0.0.0' || plain.host === '::' ? '127.0.0.1' : plain.host;
  return `curl -x http://${hostPort(host, plain.port)} http://www.example.com/`;
}
