/** Config → the checks that a server can run by itself, in order of precedence: the first that matches names the request. */
import type { Compiled } from '../config/compile.ts';
import type { Config } from '../config/config.ts';
import type { RuleId } from '../rules/catalogue.ts';
import { methodsOf, type Policy, type Site } from '../rules/policy.ts';
import { endToEndFields } from '../wire/connection-options.ts';
import type { Check, Match, TextMatch } from './check.ts';
import { refusedHostPorts } from './host-ports.ts';
import { hostRegex, portRegex } from './host-regex.ts';
import { absolute, absoluteTo, authorityEnd, hostLineNames, requestFor } from './site-hosts.ts';

const line = (...any: string[]): TextMatch => ({ of: ['line'], any });

const authority = `(?:[a-z0-9._~%-]|[^\\x00-\\x7f])+`;
const literal = '\\[[0-9a-f:.]+\\]';
const wellFormed = `(?:${authority}|${literal})${portRegex}`;

/** The checks of one policy. Pure: the same config gives the same checks. */
export function policyChecks(config: Config, { policy, sites }: Compiled): Check[] {
  const every = config.sites.flatMap(({ hosts }) => hosts.map(hostRegex));
  const found: Check[] = [];

  const check = (rule: RuleId, when: readonly Match[], unless: readonly Match[] = []): Check => ({
    rule,
    answer: policy.rules[rule].answer,
    when,
    unless,
  });

  /** For rules that no site can change, or that match requests for none of the sites. */
  const add = (rule: RuleId, when: readonly Match[], unless: readonly Match[] = []): void => {
    if (policy.rules[rule].action === 'block') found.push(check(rule, when, unless));
  };

  /** For rules whose action can differ by site. */
  const addBySite = (rule: RuleId, when: readonly Match[], unless: readonly Match[] = []): void => {
    const hosts = (blocks: boolean): string[] =>
      [...sites]
        .filter(([site]) => (site.rules[rule].action === 'block') === blocks)
        .flatMap(([, { hosts }]) => hosts.map(hostRegex));
    const [refusing, passing] = [hosts(true), hosts(false)];
    if (policy.rules[rule].action === 'block') {
      found.push(check(rule, when, passing.length === 0 ? unless : [...unless, requestFor(passing)]));
    } else if (refusing.length > 0) found.push(check(rule, [...when, requestFor(refusing)], unless));
  };

  add('connect', [line('^CONNECT ')]);
  add('absolute-form-scheme', [line('^[^ ]+ +[a-z][a-z0-9+._-]*:/')], [line('^[^ ]+ +https?:')]);
  add('absolute-form-userinfo', [line(`${absolute}[^/?# ]*@`)]);
  const version = 'HTTP/(?:1[.][01]|2(?:[.]0)?|3(?:[.]0)?)$';
  add('framing', [], [{ of: ['line'], any: [`^[^ ]+ [^ ]+ ${version}`], exactCase: true }]);
  for (const { when, unless } of refusedMethods(policy, sites))
    found.push(check('method-unknown', when, unless));
  add('framing', [{ present: 'transfer-encoding' }, { present: 'content-length' }]);
  add('framing', [{ of: ['transfer-encoding', 'line'], any: ['^[^|]+[|].* HTTP/1[.]0$'] }]);
  add('framing', [{ present: 'transfer-encoding' }], [{ of: ['transfer-encoding'], any: ['^chunked$'] }]);
  add('framing', [{ present: 'content-length' }], [{ of: ['content-length'], any: ['^[0-9]{1,15}$'] }]);
  add('framing', [{ present: 'content_length' }]);
  add('framing', [{ present: 'transfer_encoding' }]);
  add(
    'target-malformed',
    [],
    [line('^[^ ]+ +/', `${absolute}${wellFormed}${authorityEnd}`, '^OPTIONS +[*] ')],
  );
  // The next reader of the target could cut it off at a character that URIs do not allow, or change that. Raw UTF-8 is served.
  add('target-malformed', [line('^[^ ]+ +[^ ]*(?:#|[\\x01-\\x1f\\x7f])')]);
  add('absolute-form-foreign', [line(absolute)], [absoluteTo(every)]);
  addBySite(
    'absolute-form-port',
    [line(`${absolute}[^/?# ]*:[0-9]+${authorityEnd}`)],
    servedPorts(config, policy.ports),
  );
  addBySite('absolute-form-host-mismatch', [mismatchable], [sameHost]);
  add('host-duplicate', [{ of: ['host'], any: [','] }]);
  add('host-malformed', [{ of: ['host'], any: ['.'] }], [{ of: ['host'], any: [`^${wellFormed}$`] }]);
  addBySite('host-missing', [{ of: ['host', 'line'], any: ['^[|].* HTTP/1[.]1$'] }]);
  if (policy.rules['host-foreign'].action === 'block') {
    const foreign = [{ of: ['host', 'line'], any: ['^[^|]+[|][^ ]+ +[/*]'] }];
    const own = hostLineNames(every);
    const balancers = [
      ...new Set([...config.trustedProxies, ...(config.bans === false ? [] : config.bans.allow)]),
    ];
    const addresses: TextMatch = { of: ['host'], any: [`^(?:[0-9.]+|${literal})${portRegex}$`] };
    found.push(check('host-foreign', foreign, [own, addresses]));
    found.push({ ...check('host-foreign', [...foreign, addresses], [own]), exempt: balancers });
  }
  for (const { when, unless } of refusedHostPorts(sites, policy.ports))
    found.push(check('host-port', when, unless));
  add('trace', [line('^TRACE ')]);
  add('trace', [{ of: ['max-forwards', 'line'], any: ['^[^|]+[|]OPTIONS '] }]);
  addBySite('proxy-authorization', [{ present: 'proxy-authorization' }]);
  addBySite('proxy-connection', [{ present: 'proxy-connection' }]);
  add('connection-strips', [
    { of: ['connection'], any: [`(?:^|[ ,])(?:${[...endToEndFields].join('|')})(?:[ ,]|$)`] },
  ]);
  addBySite('upgrade-unknown', [{ present: 'upgrade' }], websockets(config));
  return found;
}

/** Refused methods: by the global list, and by each list that differs for some sites. */
function refusedMethods(
  policy: Policy,
  sites: Compiled['sites'],
): { readonly when: readonly Match[]; readonly unless: readonly Match[] }[] {
  const allowed = (of: Policy | Site): TextMatch => ({
    of: ['line'],
    any: [`^(?:${[...methodsOf(of)].join('|')}) `],
    exactCase: true,
  });
  const key = (of: Policy | Site): string => [...methodsOf(of)].sort().join(' ');
  const apart = [...sites].filter(([site]) => key(site) !== key(policy));
  const groups = [...Map.groupBy(apart, ([site]) => key(site)).values()].map((group) => ({
    methods: allowed(group[0]![0]),
    request: requestFor(group.flatMap(([, { hosts }]) => hosts.map(hostRegex))),
  }));
  return [
    { when: [], unless: [allowed(policy), ...groups.map(({ request }) => request)] },
    ...groups.map(({ methods, request }) => ({ when: [request], unless: [methods] })),
  ];
}

/** Absolute-form targets with a port that we serve. */
function servedPorts(config: Config, ports: ReadonlySet<number>): TextMatch[] {
  const atAnyPort = config.sites
    .filter(({ hosts }) => hosts.some(({ port }) => port === 'any'))
    .flatMap(({ hosts }) => hosts.map(hostRegex));
  const served = `:0*(?:${[...ports].join('|')})`;
  return [
    line(`${absolute}[^/?# ]*${served}${authorityEnd}`),
    ...(atAnyPort.length === 0 ? [] : [absoluteTo(atAnyPort)]),
  ];
}

/** Targets and Host lines that can be compared byte by byte; percent-encoding and IPv6 literals have many spellings. */
const mismatchable: TextMatch = {
  of: ['host', 'line'],
  any: ['^[!-$&-Z^-z~]+[|][^ ]+ +https?://[!-$&-Z^-z~]+ '],
};

/** Compares the two hosts by back-references. */
const sameHost: TextMatch = {
  of: ['host', 'line'],
  any: [
    `^([^:|]+?)[.]?(?::(?:80)?)?[|][^ ]+ +http://\\1[.]?(?::(?:80)?)?[/? ]`,
    `^([^:|]+?)[.]?(?::(?:443)?)?[|][^ ]+ +https://\\1[.]?(?::(?:443)?)?[/? ]`,
    `^([^:|]+?)[.]?:?[|][^ ]+ +https?://\\1[.]?:[0-9]+[/? ]`,
    `^([^:|]+?)[.]?:([0-9]+)[|][^ ]+ +https?://\\1[.]?:\\2[/? ]`,
  ],
};

/** Whether the check needs back-references, which RE2 and HAProxy's expressions lack. */
export const comparesHosts = ({ unless }: Check): boolean => unless.includes(sameHost);

/** WebSocket handshakes for a site that allows them. */
function websockets(config: Config): TextMatch[] {
  const hosts = config.sites
    .filter(({ websocket }) => websocket)
    .flatMap(({ hosts }) => hosts.map(hostRegex));
  if (hosts.length === 0) return [];
  return [
    {
      of: ['upgrade', 'host', 'line'],
      any: hosts.map((host) => `^websocket[|]${host}${portRegex}[|]GET [^ ]+ HTTP/1[.]1$`),
    },
  ];
}
