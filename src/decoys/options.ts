/** The options of decoys, and how they are compiled from the config's `decoys` section. */
import type { Skin } from './refusals.ts';
import type { DecoyDocument } from './schema.ts';

/** A decoy's settings, compiled. */
export interface DecoyOptions {
  /** ADDR:PORT, IPv6 in brackets; port 0 chooses a free one. */
  readonly listen: string;
  readonly speaks: 'http-proxy' | 'socks' | 'smtp' | 'tls' | 'turn';
  /** The look of refusals over HTTP. */
  readonly skin: Skin;
  /** Realm of the 407 that asks for a user name and password; null: refuse with 403. */
  readonly realm: string | null;
  /** Send refusals a byte a second; null: at once, and close. */
  readonly tarpit: TarpitOptions | null;
  /** Connections at a time, those in the tarpit not counted. Further ones are closed without a byte. */
  readonly connections: number;
  /** Milliseconds to wait for each message. */
  readonly messageTime: number;
}

export interface TarpitOptions {
  /** Connections held at a time; further ones are answered at once. */
  readonly connections: number;
  /** Milliseconds a connection is held. */
  readonly time: number;
}

/** Compiles a validated entry. @param duration reads `10s` as milliseconds */
export function decoyOptions(document: DecoyDocument, duration: (text: string) => number): DecoyOptions {
  const { listen, speaks, skin, realm, tarpit, tarpitConnections, tarpitTime, connections, messageTime } =
    document;
  return {
    listen,
    speaks,
    skin,
    realm: realm === '' ? null : realm,
    tarpit: tarpit ? { connections: tarpitConnections, time: duration(tarpitTime) } : null,
    connections,
    messageTime: duration(messageTime),
  };
}
