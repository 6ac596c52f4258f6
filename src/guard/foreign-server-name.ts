/** The name that a client has asked for in its TLS hello, where it is none of ours: told of once a connection. */

export interface AskedName {
  readonly name: string;
  /** What became of it: a request was flagged for it, or refused. */
  told: 'no' | 'flagged' | 'refused';
}

/** Kept on the socket itself, as the peer is. */
const asked = Symbol('sekisho.askedName');

export interface NamedSocket {
  [asked]?: AskedName;
}

export const askedName = (socket: NamedSocket): AskedName | undefined => socket[asked];

export function keepName(socket: NamedSocket, name: AskedName): void {
  socket[asked] = name;
}
