import { connect as connectTcp, isIP, type OnReadOpts, type Socket } from 'node:net';
import { type ConnectionOptions, checkServerIdentity, connect as connectTls } from 'node:tls';

/** Where a backend is, and whether it speaks HTTP/2. Comes from the config and from nowhere else: no byte of a request reaches a dial. */
export type BackendAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly http2?: boolean }
  | {
      readonly kind: 'tls';
      readonly host: string;
      readonly port: number;
      readonly tls: BackendTls;
      readonly http2?: boolean;
    }
  | { readonly kind: 'unix'; readonly path: string };

export interface BackendTls {
  /** The name that its certificate must carry. */
  readonly servername: string;
  /** PEM of the authorities to trust instead of the system's; undefined: the system's. */
  readonly ca: string | undefined;
  /** False: any certificate is trusted. */
  readonly verify: boolean;
  /** PEM of our client certificate and its key; undefined: none. */
  readonly own: { readonly cert: string; readonly key: string } | undefined;
}

export const speaksHttp2 = (address: BackendAddress): boolean =>
  address.kind !== 'unix' && address.http2 === true;

/** @param read receives the bytes, instead of 'data' events (node:net) */
export function dial(address: BackendAddress, read?: OnReadOpts): Socket {
  const onread = read === undefined ? {} : { onread: read };
  switch (address.kind) {
    case 'tcp':
      return connectTcp({
        host: address.host,
        port: address.port,
        noDelay: true,
        keepAlive: true,
        ...onread,
      });
    case 'tls': {
      const options: ConnectionOptions & { onread?: OnReadOpts } = {
        host: address.host,
        port: address.port,
        ALPNProtocols: [address.http2 === true ? 'h2' : 'http/1.1'],
        ...onread,
        ...tlsOptions(address.tls),
      };
      return connectTls(options);
    }
    case 'unix':
      return connectTcp({ path: address.path, ...onread });
  }
}

/** The address for people: `127.0.0.1:8081`. */
export const backendName = (address: BackendAddress): string =>
  address.kind === 'unix' ? `unix:${address.path}` : `${address.host}:${address.port}`;

function tlsOptions({ servername, ca, verify, own }: BackendTls): ConnectionOptions {
  return {
    // RFC 6066 section 3: an IP address is never sent as a server name; Node would throw.
    ...(isIP(servername) === 0
      ? { servername }
      : { servername: '', checkServerIdentity: (_name, cert) => checkServerIdentity(servername, cert) }),
    rejectUnauthorized: verify,
    ...(ca === undefined ? {} : { ca }),
    ...own,
  };
}
