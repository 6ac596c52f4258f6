/** A server name (SNI) that is none of ours: reported once per connection. */

export interface AskedName {
  readonly name: string;
  /** Whether a request was flagged or refused for it. */
  reported: 'no' | 'flagged' | 'refused';
}

/** Kept on the socket, as the peer is. */
const asked = Symbol('sekisho.askedName');

export interface NamedSocket {
  [asked]?: AskedName;
}

export const askedName = (socket: NamedSocket): AskedName | undefined => socket[asked];

export function keepName(socket: NamedSocket, name: AskedName): void {
  socket[asked] = name;
}
