/**
 * Proxy judges: pages that echo a request or the address that they see. Scanners fetch them through a relay to learn whether, and how
 * anonymously, it relays. Each row has a source for the use of its hosts; subdomains are included.
 */
export interface JudgeRow {
  /** Host names; subdomains match too. */
  readonly hosts: readonly string[];
  /** Where the use as a judge is documented: the list of a proxy checker, or the page itself. */
  readonly source: string;
}

export const judges: readonly JudgeRow[] = [
  {
    hosts: [
      'azenv.net',
      'httpheader.net',
      'wfuchs.de',
      'mojeip.net.pl',
      'cooleasy.com',
      'pascal.hoez.free.fr',
    ],
    source: 'PyPI proxy-checker, its list of judges',
  },
  {
    hosts: [
      'httpbin.org',
      'proxy-listen.de',
      'proxyjudge.us',
      'proxyjudge.biz',
      'proxyjudge.info',
      'suave.net',
    ],
    source: 'PyPI proxybroker, its list of judges; forks of it',
  },
  {
    hosts: ['ipify.org', 'icanhazip.com', 'checkip.amazonaws.com', 'ifconfig.me', 'ipinfo.io', 'ident.me'],
    source: 'PyPI mm-proxy, PublicIPService',
  },
  {
    hosts: [
      'ifconfig.io',
      'ifconfig.co',
      'wtfismyip.com',
      'ip.me',
      'ip.sb',
      'myip.ipip.net',
      'myexternalip.com',
      'ipecho.net',
    ],
    source: 'their own pages: the address of the asker as plain text',
  },
  {
    hosts: ['ip-api.com', 'ipapi.co', 'ipwho.is', 'api.myip.com', 'api.my-ip.io', 'jsonip.com', 'seeip.org'],
    source: 'their own pages: the address of the asker as JSON',
  },
  {
    hosts: [
      'checkip.dyndns.org',
      'checkip.dyndns.com',
      'whatismyip.akamai.com',
      'showip.net',
      'httpbin.io',
      'postman-echo.com',
    ],
    source: 'their own pages: the request or the address echoed',
  },
  {
    hosts: [
      'proxyradar.com',
      'proxycheck.io',
      'wantsfly.com',
      'pxytest.com',
      'proxyscrape.com',
      'proxynova.com',
    ],
    source: 'sites that list open proxies and test them',
  },
];

/** Paths of judges on any host: their scripts are copied from host to host. */
const judgePath = new RegExp(
  [
    String.raw`(?:azenv|proxy_?judge|prx_?jdg|prxjdg|pxy\.m|test_?proxy|proxy_?(?:test|check|checker|header|env)|proxychecker|check_?proxy|judge\d*)(?=[./?]|$)`,
    String.raw`\/(?:textenv|nph-env|env|printenv|whatismyip|myip|ip_?json)(?:\.(?:php|cgi|pl))(?:$|[?])`,
    // Cloudflare's echo of address and place, on every host that it serves; the pages by which browsers detect captive portals.
    String.raw`^\/cdn-cgi\/trace(?:$|[?])|^\/(?:gen(?:erate)?_204|generate204|hotspot-detect\.html|connecttest\.txt|ncsi\.txt)(?:$|[?])`,
  ].join('|'),
  'i',
);

const ends: ReadonlySet<string> = new Set(judges.flatMap(({ hosts }) => hosts));
const named =
  /^(?:proxy-?judge|judge|azenv|proxycheck)\d*\.|(?:^|\.)(?:proxyjudge\d*|proxycheck|checkip)\.[a-z.]+$/i;

/** The most labels of a listed name: a host of 30,000 labels costs no more than one of three. */
const mostLabels = Math.max(...[...ends].map((name) => name.split('.').length));

/** Whether a host is a judge or a subdomain of one. Total. @param host canonical, a name */
export function isJudgeHost(host: string): boolean {
  let dot = host.length;
  for (let labels = 0; labels < mostLabels && dot > 0; labels++) {
    dot = host.lastIndexOf('.', dot - 1);
    if (ends.has(host.slice(dot + 1))) return true;
  }
  return named.test(host);
}

/** Whether a path is the path of a judge. */
export const isJudgePath = (path: string): boolean => judgePath.test(path);
