/**
 * What scanners send today: each kind with one row of the corpus and the expected outcome, wherever it is judged. HTTP/2 probes and
 * TLS names have no HTTP/1 bytes, and have tables of their own.
 */
import type { Answer, RuleId } from '../../src/rules/catalogue.ts';
import type { Intent } from '../../src/rules/intent.ts';
import { corpus } from './corpus.ts';
import type { CorpusRow } from './row.ts';

export interface Kind {
  /** Id of the row in the corpus. */
  readonly row: string;
  readonly rule: RuleId;
  readonly intent: Intent;
  /** `passed`: flagged, and answered by the backend. */
  readonly answer: Answer | 'passed';
  /** Counts towards a ban. */
  readonly counts: boolean;
}

const of =
  (rule: RuleId, answer: Kind['answer'], counts = true) =>
  (intent: Intent, ...rows: string[]): Kind[] =>
    rows.map((row) => ({ row, rule, intent, answer, counts }));

const connect = of('connect', 405);
const fetched = of('absolute-form-foreign', 421);
const scheme = of('absolute-form-scheme', 400);
const spoken = of('not-http', 400);
const flaggedPath = of('path-proxy', 'passed');
const uncountedPath = of('path-proxy', 'passed', false);
const socks4 = of('socks4', 'drop');
const socks5 = of('socks5', 'drop');
const mail = of('smtp-on-http', 'drop');
const foreignHost = of('host-foreign', 421);

export const kinds: readonly Kind[] = [
  ...connect(
    'mail-relay',
    'connect-smtp',
    'connect-smtps',
    'connect-submission',
    'connect-submission-alternate',
  ),
  ...connect('mail-relay', 'connect-with-junk-after-it', 'connect-lower-case-method'),
  ...connect(
    'remote-login',
    'today-connect-ssh',
    'today-connect-telnet',
    'today-connect-rdp',
    'today-connect-vnc',
  ),
  ...connect(
    'mail-access',
    'today-connect-pop3',
    'today-connect-pop3s',
    'today-connect-imap',
    'today-connect-imaps',
  ),
  ...connect('chat-relay', 'connect-irc', 'connect-irc-tls'),
  ...connect('proxy-judge', 'today-connect-judge', 'today-connect-address-of-the-asker'),
  ...connect('metadata', 'connect-metadata-ipv4', 'connect-metadata-ipv6', 'connect-metadata-name'),
  ...connect('metadata', 'today-connect-azure-wire-server', 'today-connect-metadata-nat64'),
  ...connect('metadata', 'today-connect-metadata-by-name'),
  ...connect('loopback', 'connect-loopback-ssh', 'connect-loopback-ipv6', 'connect-loopback-mapped'),
  ...connect('loopback', 'connect-loopback-decimal'),
  ...connect('private-network', 'connect-private-ten', 'connect-private-unique-local'),
  ...connect('web', 'connect-web', 'connect-to-own-name', 'connect-absolute-form', 'connect-origin-form'),
  ...connect('web', 'connect-without-port', 'connect-with-userinfo', 'connect-with-pipelined-client-hello'),
  ...fetched('web', 'absolute-form-foreign', 'absolute-form-https-foreign', 'absolute-form-foreign-options'),
  ...fetched('web', 'foreign-absolute-form-http10-no-host', 'absolute-form-foreign-upper-case-scheme'),
  ...fetched('web', 'absolute-form-own-name-as-suffix', 'absolute-form-foreign-own-host-line'),
  ...fetched(
    'proxy-judge',
    'absolute-form-judge-azenv',
    'absolute-form-judge-prxjdg',
    'today-fetch-trace-page',
  ),
  ...fetched(
    'proxy-judge',
    'today-fetch-no-content-page',
    'today-fetch-portal-page',
    'today-fetch-connect-test',
  ),
  ...fetched('proxy-judge', 'today-fetch-ip-api', 'today-fetch-wtfismyip', 'today-fetch-ifconfig-io'),
  ...fetched('proxy-judge', 'today-fetch-icanhazip', 'today-fetch-checkip', 'today-fetch-httpbin'),
  ...fetched(
    'metadata',
    'absolute-form-metadata',
    'absolute-form-metadata-name',
    'absolute-form-metadata-mapped',
  ),
  ...fetched('metadata', 'today-fetch-alibaba-metadata'),
  ...fetched('loopback', 'absolute-form-loopback', 'absolute-form-loopback-decimal', 'today-fetch-consul'),
  ...fetched('private-network', 'absolute-form-private-router', 'today-fetch-docker'),
  ...fetched('mail-relay', 'absolute-form-mail-port'),
  ...fetched('chat-relay', 'absolute-form-irc-port'),
  ...fetched('third-party-attack', 'foreign-post-remote-file-inclusion', 'absolute-form-attack-sql'),
  ...fetched('third-party-attack', 'absolute-form-attack-include', 'absolute-form-attack-shell'),
  ...scheme('web', 'scheme-ftp', 'scheme-unix', 'scheme-websocket'),
  ...scheme('loopback', 'scheme-gopher'),
  ...scheme('third-party-attack', 'scheme-file'),
  ...scheme('cache-manager', 'today-cache-manager'),
  ...of('absolute-form-userinfo', 400)('web', 'userinfo-own-name-foreign-host'),
  ...of('absolute-form-port', 421)('mail-relay', 'absolute-form-own-name-mail-port'),
  ...of('absolute-form-port', 421)('remote-login', 'absolute-form-own-name-ssh-port'),
  ...of('absolute-form-host-mismatch', 400)('web', 'own-absolute-form-foreign-host-line'),
  ...socks4('mail-relay', 'socks4-connect-to-mail-port'),
  ...socks4('web', 'socks4a-connect-by-name'),
  ...socks4('socks-bind', 'socks4-bind'),
  ...socks4('loopback', 'socks4-connect-to-loopback'),
  ...socks5(
    'web',
    'socks5-greeting',
    'socks5-greeting-with-password-method',
    'socks5-greeting-and-request-at-once',
  ),
  ...socks5('mail-relay', 'today-socks5-mail'),
  ...socks5('socks-bind', 'today-socks5-bind'),
  ...socks5('udp-relay', 'today-socks5-udp'),
  ...socks5('loopback', 'today-socks5-loopback'),
  ...socks5('metadata', 'today-socks5-metadata'),
  ...mail('mail-relay', 'smtp-ehlo', 'smtp-mail-from-first', 'smtp-whole-dialogue-at-once'),
  ...of('proxy-protocol', 'drop')('web', 'proxy-protocol-v1', 'proxy-protocol-v2'),
  ...of('h2-preface', 400)('web', 'h2-preface-with-settings'),
  ...of('tls-on-plaintext', 400, false)('web', 'tls-client-hello'),
  ...of('not-http', 400, false)('turn-relay', 'not-http-turn-allocate', 'not-http-turn-allocate-framed'),
  ...of('not-http', 400, false)('web', 'not-http-stun-binding'),
  ...spoken(
    'web',
    'today-ssh-of-a-library',
    'not-http-rdp-negotiation',
    'remote-desktop-cookie',
    'ms-rpc-bind',
  ),
  ...spoken('web', 'not-http-smb-negotiate', 'not-http-ldap-bind', 'not-http-s7-connection', 'today-fastcgi'),
  ...spoken(
    'web',
    'today-mongodb-message',
    'today-postgresql-startup',
    'not-http-tds-prelogin',
    'today-oracle-tns',
  ),
  ...spoken(
    'web',
    'not-http-ajp-forward',
    'not-http-mqtt-connect',
    'not-http-amqp-header',
    'not-http-java-rmi',
  ),
  ...spoken('web', 'today-bittorrent', 'today-giop', 'today-adb', 'today-x11', 'today-vnc-version'),
  ...spoken('web', 'not-http-pptp-start', 'not-http-openvpn-reset', 'not-http-dns-version-bind'),
  ...spoken('web', 'not-http-telnet-negotiation', 'not-http-minecraft-status', 'not-http-ftp-user'),
  ...spoken('web', 'today-pop3-capabilities', 'today-imap-login', 'redis-ping', 'today-redis-config'),
  ...spoken('web', 'not-http-memcached-stats', 'mining-pool-subscription', 'today-stratum-login'),
  ...spoken('web', 'weblogic-t3-greeting', 'not-http-trojan', 'not-http-noise-as-of-shadowsocks'),
  ...spoken('web', 'not-http-magellan', 'not-http-wingate-address'),
  ...spoken('mail-relay', 'not-http-wingate-open'),
  ...spoken('chat-relay', 'today-wingate-chat', 'not-http-irc-nick'),
  ...spoken('stream-relay', 'not-http-rtsp-describe', 'today-rtsp-announce', 'not-http-ice-source'),
  ...spoken('sip-relay', 'not-http-sip-options', 'not-http-sip-invite', 'today-sip-register'),
  ...spoken('cache-manager', 'not-http-icap-options', 'today-icap-reqmod'),
  ...flaggedPath(
    'metadata',
    'path-proxy-metadata-collapsed',
    'path-proxy-metadata-host',
    'path-proxy-metadata-mapped',
  ),
  ...flaggedPath(
    'metadata',
    'path-proxy-metadata-decimal',
    'path-proxy-metadata-parameter',
    'today-path-gcp-token',
  ),
  ...flaggedPath('loopback', 'path-proxy-loopback-host', 'today-path-elasticsearch'),
  ...flaggedPath('private-network', 'path-proxy-private-host', 'today-path-spring-gateway'),
  ...uncountedPath(
    'web',
    'path-proxy-foreign-host-by-scheme',
    'path-proxy-foreign-cors',
    'path-proxy-foreign-encoded',
  ),
  ...uncountedPath('web', 'path-proxy-foreign-encoded-slashes'),
  ...of('url-in-path', 'passed', false)('web', 'url-in-path-http', 'url-in-path-two-slashes'),
  ...of('target-malformed', 400)(
    'web',
    'target-one-slash-after-scheme',
    'target-at-sign',
    'target-authority-form',
  ),
  ...foreignHost('web', 'host-foreign-plain', 'host-foreign-search-engine'),
  ...foreignHost('metadata', 'host-foreign-metadata'),
  ...foreignHost('private-network', 'host-foreign-private-address'),
  ...foreignHost('loopback', 'host-foreign-loopback'),
  ...of('host-missing', 400)('web', 'host-missing-http11'),
  ...of('host-duplicate', 400)('web', 'host-twice-own-then-foreign'),
  ...of('host-port', 421)('mail-relay', 'host-port-mail'),
  ...of('host-override', 'passed', false)('web', 'override-x-forwarded-host'),
  ...of('method-unknown', 501)(
    'web',
    'method-unknown-track',
    'method-unknown-debug',
    'method-unknown-random-word',
  ),
  ...of('trace', 405)('web', 'trace-own-host'),
  ...of('framing', 400)('web', 'framing-te-and-cl', 'framing-cl-two-different'),
  ...of('proxy-authorization', 400)('web', 'proxy-authorization-basic'),
  ...of('proxy-connection', 400)('web', 'proxy-connection-keep-alive'),
  ...of('connection-strips', 400)('web', 'connection-strips-x-forwarded-for'),
  ...of('upgrade-unknown', 'passed', false)('web', 'upgrade-h2c'),
  ...of('upgrade-unknown', 'passed', false)('udp-relay', 'upgrade-connect-udp'),
];

/** HTTP/2 probes: the fields, and the expected outcome. */
export interface Http2Kind extends Omit<Kind, 'row'> {
  readonly id: string;
  /** name, value, name, value … */
  readonly fields: readonly string[];
}

const own = [':scheme', 'https', ':authority', 'www.example.net'];
const through = (protocol: string, path: string): string[] => [
  ...[':method', 'CONNECT', ':protocol', protocol, ...own, ':path', path],
];
const tunnel = (authority: string): string[] => [':method', 'CONNECT', ':authority', authority];
const h2 = (
  id: string,
  fields: readonly string[],
  rule: RuleId,
  intent: Intent,
  answer: Answer,
  counts = true,
): Http2Kind => ({ id, fields, rule, intent, answer, counts });

export const http2Kinds: readonly Http2Kind[] = [
  h2('h2-connect', tunnel('www.example.com:443'), 'connect', 'web', 405),
  h2('h2-connect-mail', tunnel('mail.example.com:25'), 'connect', 'mail-relay', 405),
  h2('h2-connect-metadata', tunnel('169.254.169.254:80'), 'connect', 'metadata', 405),
  h2(
    'h2-connect-udp',
    through('connect-udp', '/.well-known/masque/udp/192.0.2.6/443/'),
    'extended-connect',
    'udp-relay',
    405,
  ),
  h2(
    'h2-connect-ip',
    through('connect-ip', '/.well-known/masque/ip/*/*/'),
    'extended-connect',
    'vpn-relay',
    405,
  ),
  h2(
    'h2-connect-tcp',
    through('connect-tcp', '/.well-known/masque/tcp/192.0.2.6/25/'),
    'extended-connect',
    'mail-relay',
    405,
  ),
  h2(
    'h2-foreign',
    [':method', 'GET', ':scheme', 'https', ':authority', 'www.example.com', ':path', '/'],
    'host-foreign',
    'web',
    421,
  ),
  h2(
    'h2-absolute-path',
    [':method', 'GET', ...own, ':path', 'http://www.example.com/'],
    'absolute-form-foreign',
    'web',
    421,
  ),
  h2(
    'h2-two-hosts',
    [':method', 'GET', ...own, ':path', '/', 'host', 'www.example.com'],
    'authority-mismatch',
    'web',
    400,
  ),
  h2(
    'h2-scheme',
    [':method', 'GET', ':scheme', 'ftp', ':authority', 'www.example.net', ':path', '/'],
    'absolute-form-scheme',
    'web',
    400,
  ),
];

/** Foreign names in TLS hellos. */
export const tlsKinds: readonly (readonly [name: string, intent: Intent])[] = [
  ['www.example.com', 'web'],
  ['metadata.google.internal', 'metadata'],
  ['httpbin.org', 'proxy-judge'],
];

/** Rows of the corpus that are no probes: served without a signal. */
export const neighbours: readonly CorpusRow[] = corpus.filter(({ expect }) => expect.verdict === 'allow');

const rows = new Map(corpus.map((row) => [row.id, row]));

/** @throws if the corpus has no such row */
export function rowOf({ row }: Kind): CorpusRow {
  const found = rows.get(row);
  if (found === undefined) throw new Error(`corpus: there is no row ${row}`);
  return found;
}
