/**
 * The catalogue: one row a rule. The gateway, the plugin, the decoys, the SMTP guard, the log scanner and the
 * self-audit all speak of a probe by the ids written here and nowhere else.
 */

/** What is done with a request in which a rule was seen. `allow`: not even recorded. */
export type Action = 'allow' | 'flag' | 'block';

/** What a blocked sender gets: a status (4xx or 5xx), or `drop`, the connection closed without a byte. */
export type Answer = number | 'drop';

export type RuleId = keyof typeof catalogue;

export interface Rule {
  /** What is seen, in half a sentence. */
  title: string;
  /** What the sender is after, as the second half of "The sender wanted …". */
  seeks: string;
  /** RFC section, CVE, tool. */
  reference: string;
  /** The action of preset `default`. */
  action: Action;
  /** The answer when blocked. */
  answer: Answer;
  /** The action of preset `lenient`, where it differs. */
  lenient?: Action;
  /** The action of presets other than `strict` where what was seen may be meant well. @default as above */
  doubtful?: Action;
  /**
   * A request with this signal can still be passed on without relaying for anyone: to our own backend, in origin
   * form, with a Host of our own. Preset `observe`, and a configured `flag` or `allow`, apply to these rules only.
   */
  forwardable: boolean;
  /** Counts towards a ban when blocked, unless a web page can make a browser send what was seen. */
  bans: boolean;
  /** Counts where it is only flagged, too, except by preset `observe`. @default false */
  flagCounts?: boolean;
  /** A sentence for operators whose own clients this may be. */
  hint?: string;
}

const row = <const T extends Rule>(rule: T): T => rule;

/** In the order of telling: of several signals with the same action the first one here names the verdict. */
export const catalogue = {
  'client-banned': row({
    title: 'the client is banned',
    seeks: 'to be served in spite of a ban',
    reference: 'the ban ledger',
    action: 'block',
    answer: 403,
    forwardable: false,
    bans: false,
  }),
  'rate-limited': row({
    title: 'more requests than the limit allows',
    seeks: 'more than its share of the server',
    reference: 'RFC 6585 section 4',
    action: 'block',
    answer: 429,
    forwardable: false,
    bans: false,
  }),
  socks4: row({
    title: 'a SOCKS4 or SOCKS4a request instead of HTTP',
    seeks: 'a SOCKS proxy that connects on its behalf',
    reference: 'SOCKS Protocol Version 4; nmap socks-open-proxy',
    action: 'block',
    answer: 'drop',
    forwardable: false,
    bans: true,
  }),
  socks5: row({
    title: 'a SOCKS5 greeting instead of HTTP',
    seeks: 'a SOCKS proxy that connects on its behalf',
    reference: 'RFC 1928 section 3; nmap socks-open-proxy',
    action: 'block',
    answer: 'drop',
    forwardable: false,
    bans: true,
  }),
  'tls-on-plaintext': row({
    title: 'a TLS ClientHello on a port that speaks plain HTTP',
    seeks: 'an HTTPS server on this port',
    reference: 'RFC 8446 section 4.1.2',
    action: 'block',
    answer: 400,
    forwardable: false,
    bans: false,
  }),
  'smtp-on-http': row({
    title: 'SMTP commands on an HTTP port',
    seeks: 'a mail server, or an HTTP server that passes its body on as mail',
    reference: 'RFC 5321 section 4.1; cross-protocol scripting',
    action: 'block',
    answer: 'drop',
    forwardable: false,
    bans: true,
  }),
  'proxy-protocol': row({
    title: 'a PROXY protocol header from a peer that may not send one',
    seeks: 'to pass under another client address',
    reference: 'the PROXY protocol, versions 1 and 2',
    action: 'block',
    answer: 'drop',
    forwardable: false,
    bans: true,
  }),
  'h2-preface': row({
    title: 'the HTTP/2 preface on a listener that speaks HTTP/1',
    seeks: 'HTTP/2 without TLS, which would carry requests past HTTP/1 checks',
    reference: 'RFC 9113 section 3.4',
    action: 'block',
    answer: 400,
    forwardable: false,
    bans: true,
  }),
  'not-http': row({
    title: 'another protocol than HTTP at the start of a connection',
    seeks: 'a service that speaks another protocol, or a gateway to one',
    reference: 'RFC 9112 section 3; the table of src/wire/foreign-protocols.ts',
    action: 'block',
    answer: 400,
    forwardable: false,
    bans: true,
  }),
  connect: row({
    title: 'CONNECT',
    seeks: 'a tunnel through this server',
    reference: 'RFC 9110 section 9.3.6; nmap http-open-proxy',
    action: 'block',
    answer: 405,
    forwardable: false,
    bans: true,
  }),
  'extended-connect': row({
    title: 'extended CONNECT for a protocol that is not served',
    seeks: 'a tunnel through this server over HTTP/2',
    reference: 'RFC 8441 section 4',
    action: 'block',
    answer: 405,
    forwardable: false,
    bans: true,
  }),
  'absolute-form-scheme': row({
    title: 'an absolute-form target whose scheme is neither http nor https',
    seeks: 'a fetch over another protocol, as FTP-over-HTTP gateways make',
    reference: 'RFC 9112 section 3.2.2; RFC 3986 section 3.1; CVE-2021-40438',
    action: 'block',
    answer: 400,
    forwardable: false,
    bans: true,
  }),
  'absolute-form-userinfo': row({
    title: 'an absolute-form target with userinfo before the host',
    seeks: 'a parser that takes the wrong side of the @ for the host',
    reference: 'RFC 9110 section 4.2.4; CVE-2011-3368',
    action: 'block',
    answer: 400,
    forwardable: false,
    bans: true,
  }),
  'absolute-form-foreign': row({
    title: 'an absolute-form target for a host that is not ours',
    seeks: 'a page of another server fetched through this one',
    reference: 'RFC 9112 section 3.2.2; RFC 9110 section 7.4; nmap http-open-proxy',
    action: 'block',
    answer: 421,
    forwardable: true,
    bans: true,
  }),
  'absolute-form-port': row({
    title: 'an absolute-form target for our name, at a port we do not serve',
    seeks: 'another service of this machine reached through its web server',
    reference: 'RFC 9112 section 3.2.2; RFC 9110 section 7.4',
    action: 'block',
    answer: 421,
    forwardable: true,
    bans: true,
  }),
  'absolute-form-host-mismatch': row({
    title: 'an absolute-form target and a Host line that name different hosts',
    seeks: 'two servers in a row that disagree about whom the request is for',
    reference: 'RFC 9112 section 3.2.2; RFC 9110 section 7.2',
    action: 'block',
    answer: 400,
    forwardable: true,
    bans: true,
  }),
  framing: row({
    title: 'a message whose bounds are ambiguous or malformed',
    seeks: 'two servers in a row that disagree about where a request ends',
    reference: 'RFC 9112 sections 2.2, 5 and 6; request smuggling',
    action: 'block',
    answer: 400,
    forwardable: false,
    bans: true,
  }),
  'method-unknown': row({
    title: 'a method that nobody has registered',
    seeks: 'a server or a check that does something else with a method it does not know',
    reference: 'RFC 9110 sections 9.1 and 16.1; nmap http-trace (TRACK)',
    action: 'block',
    answer: 501,
    forwardable: false,
    bans: true,
  }),
  'header-overflow': row({
    title: 'a request line or header section longer than is read',
    seeks: 'memory and time; or it is a browser with many cookies',
    reference: 'RFC 6585 section 5; RFC 9112 section 3',
    action: 'block',
    answer: 431,
    forwardable: false,
    bans: false,
  }),
  'target-malformed': row({
    title: 'a request-target in none of the four forms',
    seeks: 'a server that completes the target into a URL of its own making',
    reference: 'RFC 9112 section 3.2; CVE-2011-3368; CVE-2011-4317',
    action: 'block',
    answer: 400,
    forwardable: false,
    bans: true,
  }),
  'host-duplicate': row({
    title: 'more than one Host',
    seeks: 'two servers in a row that read different Host lines',
    reference: 'RFC 9112 section 3.2',
    action: 'block',
    answer: 400,
    forwardable: false,
    bans: true,
  }),
  'host-malformed': row({
    title: 'a Host line that is not a host and an optional port',
    seeks: 'a server that reads another host out of it',
    reference: 'RFC 9110 section 7.2; RFC 3986 section 3.2',
    action: 'block',
    answer: 400,
    forwardable: false,
    bans: true,
  }),
  'host-missing': row({
    title: 'an HTTP/1.1 request without a Host',
    seeks: 'the default site of a server whose names it does not know',
    reference: 'RFC 9112 section 3.2',
    action: 'block',
    answer: 400,
    forwardable: true,
    bans: true,
  }),
  'host-foreign': row({
    title: 'a Host line that names none of our sites',
    seeks: 'a server that forwards by Host, whomever it names',
    reference: 'RFC 9110 section 7.4; RFC 9112 section 3.2',
    action: 'block',
    answer: 421,
    forwardable: true,
    bans: true,
  }),
  'host-port': row({
    title: 'a Host line that names us, at a port we do not serve',
    seeks: 'another service of this machine, of a server that forwards by Host',
    reference: 'RFC 9110 section 7.2; the Fetch standard, bad ports',
    action: 'block',
    answer: 421,
    doubtful: 'flag',
    forwardable: true,
    bans: true,
    hint: 'If that port leads here, add it to the host in the config, as :8443, or :* for any.',
  }),
  'authority-mismatch': row({
    title: 'an HTTP/2 :authority and a host field that differ',
    seeks: 'two servers in a row that disagree about whom the request is for',
    reference: 'RFC 9113 section 8.3.1',
    action: 'block',
    answer: 400,
    forwardable: false,
    bans: true,
  }),
  trace: row({
    title: 'TRACE, or a Max-Forwards count',
    seeks: 'the request echoed back, or the servers behind this one counted',
    reference: 'RFC 9110 sections 9.3.8 and 7.6.2; nmap http-trace',
    action: 'block',
    answer: 405,
    forwardable: false,
    bans: true,
  }),
  'proxy-authorization': row({
    title: 'a Proxy-Authorization line',
    seeks: 'a proxy, with credentials for it',
    reference: 'RFC 9110 section 11.7.2',
    action: 'block',
    answer: 400,
    lenient: 'flag',
    forwardable: true,
    bans: true,
  }),
  'proxy-connection': row({
    title: 'a Proxy-Connection line',
    seeks: 'a proxy: no client says this to an origin server',
    reference: 'RFC 9112 appendix C.2.2',
    action: 'block',
    answer: 400,
    lenient: 'flag',
    forwardable: true,
    bans: true,
  }),
  'connection-strips': row({
    title: 'a Connection line that names an end-to-end header',
    seeks: 'a header that checks rely on removed on the way',
    reference: 'RFC 9110 section 7.6.1; CVE-2022-31813',
    action: 'block',
    answer: 400,
    forwardable: false,
    bans: true,
  }),
  'upgrade-unknown': row({
    title: 'an Upgrade to a protocol that is not served',
    seeks: 'a connection that leaves HTTP, past the checks',
    reference: 'RFC 9110 section 7.8; h2c smuggling',
    action: 'flag',
    answer: 400,
    forwardable: true,
    bans: false,
  }),
  'host-override': row({
    title: 'a header that overrides the host with a foreign one, or says who the client is',
    seeks: 'a backend that believes the header before the Host line, or before the connection',
    reference: 'RFC 7239 section 8.1; CVE-2018-14773; CWE-348',
    action: 'flag',
    answer: 400,
    forwardable: true,
    bans: false,
  }),
  'sni-foreign': row({
    title: 'a TLS hello that asks for a name that is none of ours',
    seeks: 'a server that passes TLS on to whatever name is in the hello',
    reference: 'RFC 6066 section 3; RFC 9110 section 7.4; scans for SNI proxies',
    action: 'flag',
    answer: 421,
    forwardable: true,
    bans: false,
  }),
  'url-in-path': row({
    title: 'a foreign URL where a path should be',
    seeks: 'a script or rewrite rule that fetches what the path names',
    reference: 'RFC 3986 section 4.2; CVE-2021-40438',
    action: 'flag',
    answer: 400,
    forwardable: true,
    bans: false,
  }),
  'path-proxy': row({
    title: 'a target for a proxy script, in the path or a parameter: /proxy/10.0.0.1/',
    seeks: 'a proxy script or rewrite rule that fetches it',
    reference: 'CWE-918; RFC 3986 section 3.3; path-proxy lists of scanners',
    action: 'flag',
    answer: 400,
    forwardable: true,
    bans: true,
    flagCounts: true,
    hint: 'If a page of yours fetches such targets, set policy.rules.path-proxy of its site to allow.',
  }),
  'smtp-foreign-recipient': row({
    title: 'a recipient whose domain is none of ours, from a client that may not relay',
    seeks: 'mail to a third party sent through this server',
    reference: 'RFC 5321 section 7.9; RFC 2505 section 2.1; nmap smtp-open-relay',
    action: 'block',
    answer: 550,
    forwardable: false,
    bans: true,
  }),
  'smtp-source-route': row({
    title: 'a source route before the address: @host,@host:user@host',
    seeks: 'a mail server that passes the mail along the route, past its check of the last domain',
    reference: 'RFC 5321 appendices C and F.2; RFC 2505 section 2.1',
    action: 'block',
    answer: 550,
    forwardable: false,
    bans: true,
  }),
  'smtp-percent-hack': row({
    title: 'a % in the local part of our domain: user%host@ours',
    seeks: 'a mail server that turns the % into an @ and sends the mail on',
    reference: 'RFC 1123 section 5.2.16; RFC 2505 section 2.1; nmap smtp-open-relay',
    action: 'block',
    answer: 550,
    forwardable: false,
    bans: true,
  }),
  'smtp-bang-path': row({
    title: 'a UUCP path in the local part of our domain, or without one: host!user',
    seeks: 'a mail server that takes the word before the ! for the next host',
    reference: 'RFC 976 section 6; RFC 2505 section 2.1; nmap smtp-open-relay',
    action: 'block',
    answer: 550,
    forwardable: false,
    bans: true,
  }),
  'smtp-quoted-route': row({
    title: 'quotes around another address or route: "user@host"@ours',
    seeks: 'a check that stops at the quotes in front of a mail server that takes them off',
    reference: 'RFC 5321 section 4.1.2; nmap smtp-open-relay',
    action: 'block',
    answer: 550,
    forwardable: false,
    bans: true,
  }),
  'smtp-malformed-path': row({
    title: 'an address that RFC 5321 does not allow',
    seeks: 'two mail servers in a row that read different recipients out of it',
    reference: 'RFC 5321 section 4.1.2',
    action: 'block',
    answer: 553,
    forwardable: false,
    bans: false,
  }),
  'smtp-auth-failed': row({
    title: 'a failed try to sign in to the mail server',
    seeks: 'an account of somebody to send mail with',
    reference: 'RFC 4954 section 6; password guessing',
    action: 'block',
    answer: 535,
    forwardable: false,
    bans: true,
  }),
  'smtp-own-sender': row({
    title:
      "a sender that is not the client's to use: of our own domain from outside, or not on its account's list",
    seeks: 'to pass for somebody else',
    reference: 'RFC 5321 section 7.1; RFC 6409 section 6.1',
    action: 'flag',
    answer: 550,
    forwardable: true,
    bans: false,
  }),
  'smtp-smuggling': row({
    title: 'a bare CR or LF in a message, or a line end that is not CRLF in a command',
    seeks: 'two mail servers in a row that disagree about where a message ends',
    reference: 'RFC 5321 sections 2.3.8 and 4.1.1.4; CVE-2023-51764; CVE-2023-51766',
    action: 'block',
    answer: 550,
    forwardable: false,
    bans: false,
  }),
  'smtp-early-talk': row({
    title: 'bytes sent before the reply that they must wait for',
    seeks: 'commands that are read under another state than the one they were sent in',
    reference: 'RFC 5321 section 4.3.1; RFC 2920 section 3.1; RFC 3207 section 4.2; CVE-2011-0411',
    action: 'block',
    answer: 521,
    forwardable: false,
    bans: false,
  }),
} as const satisfies Record<string, Rule>;

/** Of a client, not of what it sent: counted apart, or whoever is banned goes on filling every table. */
export const isProbe = (rule: RuleId): boolean => rule !== 'client-banned';

/** Every rule id, in catalogue order. */
export const ruleIds = Object.keys(catalogue) as RuleId[];

const order = new Map(ruleIds.map((id, index) => [id, index]));

/** Catalogue order of two ids, for sorting signals. */
export const byCatalogueOrder = (a: RuleId, b: RuleId): number => order.get(a)! - order.get(b)!;

/** The named policies of `policy.preset`. */
export const presets = ['default', 'strict', 'lenient', 'observe'] as const;
export type Preset = (typeof presets)[number];

/**
 * The action a preset gives to a rule.
 *
 * @param doubtful for what may be meant well
 */
export function presetAction(preset: Preset, id: RuleId, doubtful = false): Action {
  const rule: Rule = catalogue[id];
  const action = (doubtful ? rule.doubtful : undefined) ?? rule.action;
  switch (preset) {
    case 'default':
      return action;
    case 'strict':
      return 'block';
    case 'lenient':
      return rule.lenient ?? action;
    case 'observe':
      return rule.forwardable ? 'flag' : action;
  }
}
