/** Checks across sections of a config, which no schema can express. Documents may have any shape. */
import { parsePrefix } from '../address/ip.ts';
import { acmeFindings } from './acme.ts';
import { parseBackend } from './backend-url.ts';
import { isUnreadable, type PathPart, pathText } from './fault.ts';
import { headerFindings } from './header-edits.ts';
import { parseHostEntry } from './host-entry.ts';
import { collides, type ListenAddress, parseListenAddress, reaches } from './listen-address.ts';
import { otelFindings } from './otel.ts';
import { asList as list, asMap as map } from './plain-data.ts';
import type { Finding } from './schema-faults.ts';

interface Placed<T> {
  readonly path: readonly PathPart[];
  readonly value: T;
}

export function crossFindings(document: unknown): Finding[] {
  const root = map(document);
  const sites = list(root.sites).map((value, index) => ({ path: ['sites', index], value: map(value) }));
  const listeners = listenersOf(root);
  return [
    ...collisions(listeners),
    ...sites.flatMap(({ path, value }) => backendChoice(path, value)),
    ...sites.flatMap(({ path, value }) => webSocketByHttp2(path, value)),
    ...sharedHosts(sites),
    ...sites.flatMap(({ path, value }) => headerFindings(path, value.headers)),
    ...loops(
      listeners,
      sites.flatMap(({ path, value }) => backendTexts(path, value)),
    ),
    ...mailLoops(listeners, map(root.smtp)),
    ...trustInEverybody(root.trustedProxies),
    ...proxyProtocolWithoutProxies(root),
    ...redirectsToItself(root),
    ...twoClients(root),
    ...acmeFindings(root),
    ...openAdmin(map(root.admin)),
    ...alertsWithoutReceiver(root.alerts),
    ...otelFindings(root.otel),
  ];
}

function listenersOf(root: Record<string, unknown>): Placed<ListenAddress>[] {
  const texts: Placed<unknown>[] = list(root.listen).map((item, index) =>
    typeof item === 'string'
      ? { path: ['listen', index], value: item }
      : { path: ['listen', index, 'address'], value: map(item).address },
  );
  texts.push({ path: ['admin', 'listen'], value: map(root.admin).listen });
  for (const [index, decoy] of list(root.decoys).entries()) {
    texts.push({ path: ['decoys', index, 'listen'], value: map(decoy).listen });
  }
  const mail = map(root.smtp).listen;
  for (const [index, value] of (Array.isArray(mail) ? mail : [mail]).entries()) {
    const path = Array.isArray(mail) ? ['smtp', 'listen', index] : ['smtp', 'listen'];
    if (typeof value === 'string') texts.push({ path, value });
    else texts.push({ path: [...path, 'address'], value: map(value).address });
  }
  return texts.flatMap(({ path, value }) => {
    const address = typeof value === 'string' ? parseListenAddress(value) : null;
    return address === null || isUnreadable(address) ? [] : [{ path, value: address }];
  });
}

function collisions(listeners: readonly Placed<ListenAddress>[]): Finding[] {
  return listeners.flatMap(({ path, value }, index) => {
    const other = listeners.slice(0, index).find((earlier) => collides(earlier.value, value));
    if (other === undefined) return [];
    const same = other.value.host === value.host;
    const message = same
      ? `is bound by ${pathText(other.path)} already`
      : `takes the same port as ${pathText(other.path)} (${other.value.text})`;
    return [
      {
        path,
        message,
        fix: same
          ? 'remove one of the two, or choose another port'
          : 'keep the wider of the two, or choose another port',
      },
    ];
  });
}

function backendChoice(path: readonly PathPart[], site: Record<string, unknown>): Finding[] {
  const one = site.backend !== undefined;
  const several = site.backends !== undefined;
  if (one && several)
    return [
      { path: [...path, 'backends'], message: 'is set together with backend', fix: 'keep one of the two' },
    ];
  const urls = list(site.backends).map((backend) => map(backend).url);
  const welcome = urls.indexOf('welcome');
  if (welcome !== -1 && urls.length > 1)
    return [
      {
        path: [...path, 'backends', welcome, 'url'],
        message: "is the welcome page, which can't be one of several backends",
        fix: 'remove it',
      },
    ];
  if (one || several || Object.keys(site).length === 0) return [];
  return [
    { path: [...path, 'backend'], message: 'is missing', fix: 'write backend: URL, or a list of backends' },
  ];
}

function sharedHosts(sites: readonly Placed<Record<string, unknown>>[]): Finding[] {
  const seen = new Map<string, { site: number; port: number | 'any' | null; path: string }[]>();
  const findings: Finding[] = [];
  for (const [site, { path, value }] of sites.entries()) {
    for (const [index, text] of list(value.hosts).entries()) {
      const entry = typeof text === 'string' ? parseHostEntry(text) : null;
      if (entry === null || isUnreadable(entry)) continue;
      const here = [...path, 'hosts', index];
      const earlier = seen.get(entry.host) ?? [];
      const other = earlier.find((known) => known.site !== site || known.port === entry.port);
      if (other !== undefined) {
        const message =
          other.site === site
            ? `occurs twice: ${other.path} is the same host`
            : `belongs to another site already: ${other.path}`;
        findings.push({ path: here, message, fix: 'remove one of the two' });
      }
      seen.set(entry.host, [...earlier, { site, port: entry.port, path: pathText(here) }]);
    }
  }
  return findings;
}

function backendTexts(path: readonly PathPart[], site: Record<string, unknown>): Placed<unknown>[] {
  const several = list(site.backends).map((item, index) => ({
    path: [...path, 'backends', index, 'url'],
    value: map(item).url,
  }));
  return [{ path: [...path, 'backend'], value: site.backend }, ...several];
}

/** A backend that is one of our own listeners: requests would loop until the sockets run out, or reach the admin API. */
function loops(listeners: readonly Placed<ListenAddress>[], backends: readonly Placed<unknown>[]): Finding[] {
  return backends.flatMap(({ path, value }) => {
    const target = typeof value === 'string' ? parseBackend(value) : null;
    if (target === null || isUnreadable(target) || target.kind !== 'tcp') return [];
    const own = listeners.find((listener) => reaches(listener.value, target.host, target.port));
    if (own === undefined) return [];
    const message =
      own.path[0] === 'admin'
        ? `is the listener of ${pathText(own.path)}: the admin API would be open to everybody`
        : `is our own listener ${pathText(own.path)}: requests would go round in a loop`;
    return [{ path, message, fix: 'write the address of the server behind the gateway' }];
  });
}

/** The same for mail: each session would open the next one. */
function mailLoops(listeners: readonly Placed<ListenAddress>[], smtp: Record<string, unknown>): Finding[] {
  const backends = [
    { path: ['smtp', 'backend'], value: smtp.backend },
    ...list(smtp.backends).map((value, index) => ({ path: ['smtp', 'backends', index], value })),
    ...list(smtp.listen).flatMap((listener, index) => {
      const path = ['smtp', 'listen', index];
      const { backend, backends } = map(listener);
      return [
        { path: [...path, 'backend'], value: backend },
        ...list(backends).map((value, at) => ({ path: [...path, 'backends', at], value })),
      ];
    }),
  ];
  return backends.flatMap(({ path, value }) => {
    const [, host, port] = /^\[?(.+?)\]?:(\d{1,5})$/.exec(typeof value === 'string' ? value : '') ?? [];
    if (host === undefined) return [];
    const own = listeners.find((listener) => reaches(listener.value, host, Number(port)));
    if (own === undefined) return [];
    return [
      {
        path,
        message: `is our own listener ${pathText(own.path)}: mail would go round in a loop`,
        fix: 'move the mail server to another port, such as 127.0.0.1:10025, and write that',
      },
    ];
  });
}

function trustInEverybody(prefixes: unknown): Finding[] {
  return list(prefixes).flatMap((text, index) => {
    const prefix = typeof text === 'string' ? parsePrefix(text) : null;
    if (prefix === null || prefix.length > 0) return [];
    return [
      {
        path: ['trustedProxies', index],
        message: 'trusts everybody: any client could pass for any other',
        fix: 'list the addresses of the proxies in front',
      },
    ];
  });
}

/** RFC 8441 is not supported towards backends: every handshake would fail. */
function webSocketByHttp2(path: readonly PathPart[], site: Record<string, unknown>): Finding[] {
  const urls = [site.backend, ...list(site.backends).map((one) => map(one).url)];
  return site.websocket === true && urls.some((url) => typeof url === 'string' && /^h2c?:/i.test(url))
    ? [
        {
          path: [...path, 'websocket'],
          message: 'has an HTTP/2 backend, to which WebSockets are not carried',
          fix: 'write http:// or https:// for the backend, or remove websocket',
        },
      ]
    : [];
}

/** Without trusted proxies, every balancer's PROXY header would be taken for a probe. */
function proxyProtocolWithoutProxies(root: Record<string, unknown>): Finding[] {
  if (list(root.trustedProxies).length > 0) return [];
  return list(root.listen).flatMap((item, index) =>
    map(item).proxyProtocol === true
      ? [
          {
            path: ['listen', index, 'proxyProtocol'],
            message: 'expects PROXY headers, and no peer may send them',
            fix: 'list the balancers under trustedProxies',
          },
        ]
      : [],
  );
}

/** A TLS listener that redirects to https would redirect to itself. */
function redirectsToItself(root: Record<string, unknown>): Finding[] {
  return list(root.listen).flatMap((item, index) =>
    map(item).redirect !== undefined && map(item).tls !== undefined
      ? [
          {
            path: ['listen', index, 'redirect'],
            message: 'is set together with tls: requests would be redirected to this listener itself',
            fix: 'remove one of the two',
          },
        ]
      : [],
  );
}

/** `clients` holds for the whole listener, whichever certificate is shown: two could contradict each other. */
function twoClients(root: Record<string, unknown>): Finding[] {
  return list(root.listen).flatMap((item, index) => {
    const certificates = list(map(item).tls);
    const having = certificates.flatMap((one, at) => (map(one).clients === undefined ? [] : [at]));
    return having.slice(1).map((at) => ({
      path: ['listen', index, 'tls', at, 'clients'],
      message: 'is set a second time: it holds for the whole listener',
      fix: 'write it at one certificate',
    }));
  });
}

/** Anyone on the network path can read a token sent in the clear, and an admin listener must not be exposed by accident. */
function openAdmin({ listen, tls, token }: Record<string, unknown>): Finding[] {
  const address = typeof listen === 'string' ? parseListenAddress(listen) : null;
  if (address === null || isUnreadable(address) || isLoopback(address.host)) return [];
  if (tls !== undefined || token !== undefined) return [];
  return [
    {
      path: ['admin', 'listen'],
      message: 'opens the admin listener to a network, without tls and without a token of your own',
      fix: `write 127.0.0.1:${address.port}, or add admin.tls or admin.token`,
    },
  ];
}

const isLoopback = (host: string): boolean => host === '::1' || host.startsWith('127.');

function alertsWithoutReceiver(alerts: unknown): Finding[] {
  const { webhook, ...others } = map(alerts);
  if (typeof alerts !== 'object' || alerts === null) return [];
  const several = Array.isArray(webhook) && webhook.length === 0;
  const receivers = ['mail', 'syslog', 'ntfy', 'gotify', 'telegram', 'pagerduty', 'alertmanager'];
  if ((webhook !== undefined && !several) || receivers.some((name) => others[name] !== undefined)) return [];
  return [
    {
      path: ['alerts'],
      message: 'have no receiver',
      fix: 'add webhook, mail, syslog, ntfy, gotify, telegram, pagerduty or alertmanager, or write alerts: false',
    },
  ];
}
