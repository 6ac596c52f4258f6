/** The third of three steps, text → document → config: the texts of a checked document become values. */
import { readFileSync } from 'node:fs';
import type { AcmeOptions } from '../acme/options.ts';
import { parsePrefix, prefixText } from '../address/ip.ts';
import type { decoyOptions } from '../decoys/options.ts';
import type { smtpOptions } from '../smtp/options.ts';
import { acmeOptions, type CertificateSource, certificateSources, type TlsItem } from './acme.ts';
import { alertsConfig } from './alerts-config.ts';
import type { Config, ListenerConfig } from './config.ts';
import { readValid } from './fault.ts';
import { type ListenAddress, parseListenAddress } from './listen-address.ts';
import { otelConfig } from './otel.ts';
import { policyConfig } from './policy-config.ts';
import { parseDuration, parseSize } from './quantity.ts';
import type { ConfigDocument } from './schema.ts';
import { siteConfig } from './site-config.ts';

/** The readers of the sections that only the program has. */
export interface ProgramParts {
  readonly decoy: typeof decoyOptions;
  readonly smtp: typeof smtpOptions;
}

/** Turns a file name of the config into an absolute one. */
type FileName = (name: string) => string;

/**
 * Turns a checked document into a config.
 *
 * @param file turns a file name of the config into an absolute one
 * @param parts null: the document has neither decoys nor a mail guard
 */
export function toConfig(document: ConfigDocument, file: FileName, parts: ProgramParts | null): Config {
  const { admin, alerts, log } = document;
  const acme = acmeOptions(document, file);
  const listen = document.listen.map((item) => listenerConfig(item, acme, file));
  const ofSites = listen.flatMap(({ tls }) => tls ?? []);
  const policy = policyConfig(document.policy);
  return deepFreeze<Config>({
    listen,
    sites: document.sites.map((site) => siteConfig(site, policy, file)),
    trustedProxies: document.trustedProxies.map(prefix),
    policy,
    via: document.via,
    ...clientSections(document, file),
    admin: admin && {
      listen: listenAddress(admin.listen),
      tls: certificateSources(admin.tls, acme, file, ofSites),
      token: admin.token ?? null,
    },
    ...observation(document, file),
    alerts: alerts && alertsConfig(alerts, admin === false ? undefined : admin.url),
    decoys: parts === null ? [] : document.decoys.map((decoy) => parts.decoy(decoy, duration)),
    smtp: parts !== null && smtpConfig(document, parts.smtp, acme, ofSites, file),
    acme,
    workers: document.workers,
    user: document.user,
    group: document.group,
    log: {
      ...log,
      access: log.access === true ? 'json' : log.access,
      file: optional(log.file, file),
    },
  });
}

/** What clients may do and for how long, and the fleet that shares the counts of it. */
function clientSections(
  { timeouts, limits, bans, rateLimit, fleet }: ConfigDocument,
  file: FileName,
): Pick<Config, 'timeouts' | 'limits' | 'bans' | 'rateLimit' | 'fleet'> {
  return {
    timeouts: {
      connect: duration(timeouts.connect),
      headers: duration(timeouts.headers),
      body: duration(timeouts.body),
      idle: duration(timeouts.idle),
      upgrade: duration(timeouts.upgrade),
      drain: duration(timeouts.drain),
      minRate: timeouts.minRate,
    },
    limits: {
      headerBytes: size(limits.headerBytes),
      requestHeaders: duration(limits.requestHeaders),
      bufferedBody: size(limits.bufferedBody),
      connectionsPerClient: limits.connectionsPerClient,
    },
    bans: bans && {
      ...bans,
      within: duration(bans.within),
      for: bans.for.map(duration),
      allow: bans.allow.map(prefix),
      lists: bans.lists.map(file),
    },
    rateLimit: rateLimit && {
      ...rateLimit,
      timeWindow: duration(rateLimit.timeWindow),
      allow: rateLimit.allow.map(prefix),
    },
    fleet: fleet && {
      ...fleet,
      ca: optional(fleet.ca, file),
      cert: optional(fleet.cert, file),
      key: optional(fleet.key, file),
    },
  };
}

/** What is kept and sent of events. */
function observation(
  { journal, otel, geo }: ConfigDocument,
  file: FileName,
): Pick<Config, 'journal' | 'otel' | 'geo'> {
  return {
    journal: journal && {
      path: file(journal.path),
      keep: duration(journal.keep),
      maxSize: size(journal.maxSize),
    },
    otel: otelConfig(otel),
    geo: geo && { country: optional(geo.country, file), asn: optional(geo.asn, file) },
  };
}

function smtpConfig(
  { smtp, trustedProxies }: ConfigDocument,
  read: ProgramParts['smtp'],
  acme: AcmeOptions | null,
  ofSites: readonly CertificateSource[],
  file: FileName,
): Config['smtp'] {
  return (
    smtp &&
    read(smtp, {
      duration,
      size,
      path: file,
      certificates: (tls) => certificateSources(tls, acme, file, ofSites),
      file: (name) => readFileSync(file(name), 'latin1'),
      trustedProxies: trustedProxies.map(prefix),
    })
  );
}

function listenerConfig(
  item: ConfigDocument['listen'][number],
  acme: AcmeOptions | null,
  file: FileName,
): ListenerConfig {
  if (typeof item === 'string')
    return { ...listenAddress(item), tls: null, clients: null, proxyProtocol: false, redirect: null };
  const { address, tls, proxyProtocol, redirect } = item;
  const clients = [tls ?? []].flat().flatMap((one) => ('clients' in one && one.clients) || [])[0];
  return {
    ...listenAddress(address),
    tls: certificateSources(tls as TlsItem | undefined, acme, file),
    clients: clients === undefined ? null : { ca: file(clients.ca), verify: clients.verify ?? 'require' },
    proxyProtocol: proxyProtocol === true,
    redirect: redirect ?? null,
  };
}

const duration = (text: string): number => parseDuration(text)!;
const size = (text: string): number => parseSize(text)!;
const prefix = (text: string): string => prefixText(parsePrefix(text)!);
const listenAddress = (text: string): ListenAddress => readValid(parseListenAddress(text));
const optional = (name: string | undefined, file: FileName): string | null =>
  name === undefined ? null : file(name);

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}
