import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** Where a backend is. Comes from the config and from nowhere else: no byte of a request reaches a dial. */
export type BackendAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'tls'; readonly host: string; readonly port: number; readonly tls: BackendTls }
  | { readonly kind: 'unix'; readonly path: string };

export interface BackendTls {
  /** The name in its certificate. */
  readonly servername: string;
  /** PEM of the authorities to believe, in place of the system's; undefined for the system's. */
  readonly ca: string | undefined;
  /** False: any certificate is believed. */
  readonly verify: boolean;
}

export function dial(address: BackendAddress): Socket {
  switch (address.kind) {
    case 'tcp':
      return connectTcp({ host: address.host, port: address.port, noDelay: true, keepAlive: true });
    case 'tls': {
      const { servername, ca, verify } = address.tls;
      const trust = { rejectUnauthorized: verify, ...(ca === undefined ? {} : { ca }) };
      return connectTls({
        host: address.host,
        port: address.port,
        servername,
        ALPNProtocols: ['http/1.1'],
        ...trust,
      });
    }
    case 'unix':
      return connectTcp({ path: address.path });
  }
}

/** The address for people: `127.0.0.1:8081`. */
export const backendName = (address: BackendAddress): string =>
  address.kind === 'unix' ? `unix:${address.path}` : `${address.host}:${address.port}`;
