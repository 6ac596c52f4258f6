/** The command by which a new operator can send a first probe and watch it arrive. */
import { hostPort } from '../address/host-port.ts';
import type { Config } from '../config/config.ts';

/** Requests another server's page from the first plain listener, with curl; null: there is no such listener. */
export function sampleProbeCommand({ listen }: Pick<Config, 'listen'>): string | null {
  const plain = listen.find(({ tls, proxyProtocol, port }) => tls === null && !proxyProtocol && port > 0);
  if (plain === undefined) return null;
  const host = plain.host === '0.0.0.0' || plain.host === '::' ? '127.0.0.1' : plain.host;
  return `curl -x http://${hostPort(host, plain.port)} http://www.example.com/`;
}
