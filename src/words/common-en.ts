/** English texts used in several places, and the type of every language. */
import type { RuleId } from '../rules/catalogue.ts';
import type { Intent } from '../rules/intent.ts';

const techniques: Readonly<Record<RuleId, string>> = {
  'client-banned': 'banned client',
  'rate-limited': 'too many requests',
  socks4: 'SOCKS4 proxy',
  socks5: 'SOCKS5 proxy',
  'tls-on-plaintext': 'TLS on a plain port',
  'smtp-on-http': 'mail commands on HTTP',
  'proxy-protocol': 'forged client address',
  'h2-preface': 'HTTP/2 without TLS',
  'not-http': 'another protocol',
  connect: 'tunnel (CONNECT)',
  'extended-connect': 'tunnel over HTTP/2',
  'absolute-form-scheme': 'fetch by another protocol',
  'absolute-form-userinfo': 'host hidden behind @',
  'absolute-form-foreign': 'page of another server',
  'absolute-form-port': 'another port of this host',
  'absolute-form-host-mismatch': 'two hosts named',
  framing: 'ambiguous message',
  'method-unknown': 'unknown method',
  'header-overflow': 'header too long',
  'target-malformed': 'malformed target',
  'host-duplicate': 'two Host lines',
  'host-malformed': 'malformed Host',
  'host-missing': 'no Host',
  'host-foreign': 'Host is not ours',
  'host-port': 'Host with another port',
  'authority-mismatch': 'two hosts in HTTP/2',
  trace: 'TRACE',
  'proxy-authorization': 'proxy password',
  'proxy-connection': 'header for a proxy',
  'connection-strips': 'strips a header',
  'upgrade-unknown': 'unknown upgrade',
  'host-override': 'overrides the host',
  'sni-foreign': 'TLS for a foreign name',
  'url-in-path': 'foreign URL in the path',
  'path-proxy': 'target for a proxy script',
  'smtp-foreign-recipient': 'mail to a third party',
  'smtp-source-route': 'mail source route',
  'smtp-percent-hack': 'mail percent hack',
  'smtp-bang-path': 'mail bang path',
  'smtp-quoted-route': 'mail quoted route',
  'smtp-malformed-path': 'malformed mail address',
  'smtp-auth-failed': 'failed mail sign-in',
  'smtp-own-sender': 'forged mail sender',
  'smtp-smuggling': 'mail smuggling',
  'smtp-early-talk': 'mail commands too early',
};

const intents: Readonly<Record<Intent, string>> = {
  'proxy-judge': 'a proxy test page',
  'mail-relay': 'a mail server',
  metadata: 'cloud metadata',
  'private-network': 'a private network',
  loopback: 'this machine itself',
  'chat-relay': 'a chat server',
  'turn-relay': 'traffic to third parties through a TURN server',
  'sip-relay': 'calls through a telephone gateway',
  'stream-relay': 'a stream through a media server',
  'cache-manager': 'the management of a caching proxy',
  'socks-bind': 'a port of this server opened for a third party',
  'udp-relay': 'datagrams to third parties',
  'vpn-relay': 'packets to third parties, as by a VPN',
  'remote-login': 'a remote login elsewhere',
  'mail-access': 'a mailbox elsewhere',
  'third-party-attack': 'an attack on a third party',
  web: 'a web page',
};

export const commonInEnglish = {
  /** Each rule in a few words, shown beside its id. */
  techniques,
  /** Each as the object of "wanted". */
  intents,
  actions: { block: 'blocked', flag: 'flagged', allow: 'allowed' },
};

export type CommonWords = typeof commonInEnglish;
