/** What a blocked sender wanted to reach. */
export type Intent =
  | 'proxy-judge'
  | 'mail-relay'
  | 'metadata'
  | 'private-network'
  | 'loopback'
  | 'chat-relay'
  | 'third-party-attack'
  | 'web';
