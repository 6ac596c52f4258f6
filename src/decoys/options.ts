/** What decoys can be told, and how the config's `decoys` section says it. */
import type { Skin } from './refusals.ts';
import type { DecoyDocument } from './schema.ts';

/** A decoy's settings, compiled. */
export interface DecoyOptions {
  /** ADDR:PORT, IPv6 in brackets; port 0 takes a free one. */
  readonly listen: string;
  readonly speaks: 'http-proxy' | 'socks' | 'smtp' | 'tls' | 'turn';
  /** How refusals over HTTP look. */
  readonly skin: Skin;
  /** Asked for a user name and password over HTTP; null: refused without. */
  readonly realm: string | null;
  /** Answer a byte a second instead of at once; null: answer and close. */
  readonly tarpit: TarpitOptions | null;
  /** Connections at a time, those in the tarpit not counted. Further ones are closed without a byte. */
  readonly connections: number;
  /** Milliseconds for a message to come. */
  readonly messageTime: number;
}

export interface TarpitOptions {
  /** Connections held at a time; what comes beyond is answered at once. */
  readonly connections: number;
  /** Milliseconds after which a held connection is closed. */
  readonly time: number;
}

/** The options of a validated entry. @param duration reads `10s` as milliseconds */
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
