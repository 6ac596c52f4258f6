/** Guesses what a sender wanted to reach, from the destination and the bytes meant for it. */
import { addressInName } from '../address/embedded-names.ts';
import { specialRange } from '../address/special-ranges.ts';
import { percentDecoded } from '../wire/percent.ts';
import { isJudgeHost, isJudgePath } from './judges.ts';

export type Intent =
  | 'proxy-judge'
  | 'mail-relay'
  | 'metadata'
  | 'private-network'
  | 'loopback'
  | 'chat-relay'
  | 'turn-relay'
  | 'sip-relay'
  | 'stream-relay'
  | 'cache-manager'
  /** A port of this server for a third party to connect to. */
  | 'socks-bind'
  /** Datagrams: SOCKS UDP ASSOCIATE, `connect-udp`. */
  | 'udp-relay'
  /** Whole packets: `connect-ip`. */
  | 'vpn-relay'
  | 'remote-login'
  | 'mail-access'
  | 'third-party-attack'
  | 'web';

export interface Wanted {
  /** Canonical host (an IPv6 literal in brackets); empty if none is named. */
  readonly host: string;
  readonly port: number | null;
  /** Path and query. */
  readonly path: string;
  /** The destination as the sender wrote it; empty if none is named. */
  readonly text: string;
  /** The protocol spoken instead of HTTP. */
  readonly protocol?: string;
  /** As much of the body as was read. */
  readonly body?: string;
}

/** Nothing is named. */
export const nothingWanted: Wanted = { host: '', port: null, path: '', text: '' };

const mailPorts = new Set([25, 465, 587, 2525]);
const isChatPort = (port: number): boolean =>
  (port >= 6660 && port <= 6669) || port === 6697 || port === 7000;

const metadataNames = new Set([
  'metadata.google.internal',
  'metadata',
  'instance-data',
  'metadata.azure.com',
]);
const privateName = /\.(?:internal|local|lan|intranet|corp|home\.arpa|svc|cluster\.local)$/;

/** SSH, telnet, RDP, VNC. */
const loginPorts = new Set([22, 23, 3389, 5900]);
/** POP3 and IMAP, plain and over TLS: stolen passwords are tried on them through relays. */
const mailboxPorts = new Set([110, 143, 993, 995]);

/**
 * Exploits of the page behind the relay: the sender wants this server to attack a third party. Remote file
 * inclusion comes first: it is the most frequent one.
 */
const attack = new RegExp(
  [
    String.raw`mosConfig_absolute_path|_REQUEST\[|_SERVER\[|GLOBALS(?:\[|=)|allow_url_include|auto_prepend_file`,
    // A parameter that is a URL ending in a script or a cut-off query: the inclusion itself.
    String.raw`[?&][\w[\].-]{1,64}=(?:https?|ftp|php|data|expect|zip|phar):[^&\s]{0,256}(?:\.txt|\.php|\?)(?:&|$)`,
    String.raw`(?:\.\.[/\\]){2}|/etc/(?:passwd|shadow)|\bboot\.ini|proc/self/environ`,
    String.raw`union[\s+]+(?:all[\s+]+)?select|'[\s+]*(?:or|and)[\s+]+['\d]|sleep\(\d|benchmark\(|xp_cmdshell|information_schema`,
    String.raw`<script|onerror=|\$\{jndi:|\(\)\s*\{\s*:;|\b(?:wget|curl)[\s+]+(?:https?:|-)|;\s*(?:cat|id|uname|chmod)\b`,
    String.raw`base64_decode|\b(?:eval|system|passthru|shell_exec)\(|call_user_func`,
  ].join('|'),
  'i',
);

/** Protocols that ask a server to relay. An ICAP request holds an HTTP request for the server to fetch. */
const relayProtocol: Readonly<Record<string, Intent>> = {
  TURN: 'turn-relay',
  SIP: 'sip-relay',
  SMTP: 'mail-relay',
  RTSP: 'stream-relay',
  Icecast: 'stream-relay',
  ICAP: 'cache-manager',
  IRC: 'chat-relay',
  'SOCKS BIND': 'socks-bind',
  'SOCKS UDP ASSOCIATE': 'udp-relay',
  'connect-udp': 'udp-relay',
  'connect-udp-bind': 'udp-relay',
  'connect-ip': 'vpn-relay',
};

/** The intent; `web` if nothing more specific is found. */
export function classifyIntent(wanted: Wanted): Intent {
  const relayed = wanted.protocol === undefined ? undefined : relayProtocol[wanted.protocol];
  if (relayed !== undefined) return relayed;
  // Squid's cache manager, which answers this scheme up to version 5.
  if (/^cache_object:/i.test(wanted.text)) return 'cache-manager';
  if (wanted.port !== null && mailPorts.has(wanted.port)) return 'mail-relay';
  if (wanted.port !== null && isChatPort(wanted.port)) return 'chat-relay';
  const special = hostIntent(wanted.host);
  if (special !== null) return special;
  if (privateName.test(wanted.host)) return 'private-network';
  if (wanted.port !== null && loginPorts.has(wanted.port)) return 'remote-login';
  if (wanted.port !== null && mailboxPorts.has(wanted.port)) return 'mail-access';
  if (
    attack.test(percentDecoded(wanted.path)) ||
    (wanted.body !== undefined && attack.test(percentDecoded(wanted.body)))
  ) {
    return 'third-party-attack';
  }
  return isJudgePath(wanted.path) || isJudgeHost(wanted.host) ? 'proxy-judge' : 'web';
}

/**
 * The kind of a host, in any spelling that some resolver takes for its address; null if it is nothing special.
 *
 * @param written canonical, an IPv6 literal in brackets
 */
export function hostIntent(written: string): 'metadata' | 'loopback' | 'private-network' | null {
  const host = written.startsWith('[') ? written.slice(1, -1) : written;
  if (metadataNames.has(host)) return 'metadata';
  switch (specialRange(addressInName(host) ?? host)) {
    case 'metadata':
      return 'metadata';
    case 'loopback':
      return 'loopback';
    case 'private':
      return 'private-network';
  }
  return host === 'localhost' || host.endsWith('.localhost') ? 'loopback' : null;
}
