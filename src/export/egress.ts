/**
 * The kernel's side of promise 1: nftables rules that let the process connect only to services that its config names. The
 * kernel logs the connections it refuses.
 */
import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { readValkeyAddress } from '../address/valkey-address.ts';
import { certificateFiles, certificateInFile } from '../config/certificate-file.ts';
import type { Config } from '../config/config.ts';
import { demandsStaple, responderOf } from '../ocsp/must-staple.ts';

/** A service that the program connects to. */
export interface Callee {
  /** The setting that names it. */
  readonly what: string;
  /** A name or an address. */
  readonly host: string;
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
}

/** The services that a config makes the program connect to, besides the resolver. Unix sockets need no rule. */
export function calleesOf(config: Config): Callee[] {
  const found: Callee[] = [];
  const add = (what: string, host: string, port: number, protocol: Callee['protocol'] = 'tcp'): void => {
    found.push({ what, host: host.replace(/^\[|\]$/g, ''), port, protocol });
  };
  const addUrl = (what: string, url: string): void => {
    const { protocol, hostname, port } = new URL(url);
    add(what, hostname, Number(port) || (usualPorts[protocol] ?? 443));
  };
  for (const [index, { backends }] of config.sites.entries())
    for (const backend of backends)
      if (backend.kind === 'tcp') add(`sites[${index}].backend`, backend.host, backend.port);
  if (config.smtp !== false)
    for (const backend of new Set(config.smtp.listen.flatMap(({ backends }) => backends))) {
      const colon = backend.lastIndexOf(':');
      add('smtp.backend', backend.slice(0, colon), Number(backend.slice(colon + 1)));
    }
  for (const [place, url] of ocspResponders(config)) addUrl(`${place}: OCSP responder`, url);
  if (config.acme !== null) addUrl('acme.directory', config.acme.directory);
  if (config.fleet !== false) {
    const store = readValkeyAddress(config.fleet.valkey);
    // A string would be an error, which loading the config has already ruled out.
    if (typeof store !== 'string') for (const { host, port } of store.nodes) add('fleet.valkey', host, port);
  }
  if (config.otel !== false) {
    const { endpoint, sample, logs } = config.otel;
    if (sample > 0) addUrl('otel.endpoint', endpoint);
    if (logs !== null) addUrl('otel.logs', logs);
  }
  if (config.alerts !== false) {
    const { webhooks, mail, syslog, services } = config.alerts;
    for (const { url } of webhooks) addUrl('alerts.webhook', url);
    for (const { kind, url } of services) addUrl(`alerts.${kind}`, url);
    if (mail !== null) addUrl('alerts.mail.smarthost', mail.smarthost);
    if (syslog !== null)
      add('alerts.syslog', syslog.host, syslog.port, syslog.transport === 'udp' ? 'udp' : 'tcp');
  }
  return found;
}

/** Who is asked for the responses of certificates that demand them. */
const ocspResponders = (config: Config): [place: string, url: string][] =>
  certificateFiles(config).flatMap(({ place, file }): [string, string][] => {
    const certificate = certificateInFile(file);
    const url = certificate !== null && demandsStaple(certificate) ? responderOf(certificate) : null;
    return url === null ? [] : [[place, url]];
  });

const usualPorts: Readonly<Record<string, number>> = {
  'http:': 80,
  'https:': 443,
  'smtp:': 25,
  'smtps:': 465,
};

/** A callee with its addresses; empty: the name could not be resolved. */
export interface Resolved extends Callee {
  readonly addresses: readonly string[];
}

/** @param resolvConf the file that names the resolver */
export async function resolved(
  callees: readonly Callee[],
  resolvConf = '/etc/resolv.conf',
): Promise<Resolved[]> {
  const found = await Promise.all(
    callees.map(async (callee): Promise<Resolved> => {
      if (isIP(callee.host) !== 0) return { ...callee, addresses: [callee.host] };
      const all = await lookup(callee.host, { all: true }).catch(() => []);
      return { ...callee, addresses: all.map(({ address }) => address) };
    }),
  );
  // A config that names only addresses gets no access to a resolver.
  if (callees.every(({ host }) => isIP(host) !== 0)) return found;
  const servers = nameServers(resolvConf);
  return [
    ...found,
    ...(['udp', 'tcp'] as const).map((protocol) => ({
      ...{ what: 'the resolver', host: resolvConf, port: 53, protocol, addresses: servers },
    })),
  ];
}

function nameServers(file: string): string[] {
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // Without the file the C library asks a resolver on this machine.
  }
  const found = [...text.matchAll(/^\s*nameserver\s+([0-9A-Fa-f.:]+)/gm)].map(([, address]) => address!);
  return found.length > 0 ? found : ['127.0.0.1'];
}

/** Whose connections the rules cover: those of a user or of a systemd unit. */
export type Subject = { readonly user: string } | { readonly unit: string };

/** The rules for `nft -f`, which replaces earlier ones atomically. Pure. */
export function egressRules(callees: readonly Resolved[], subject: Subject): string {
  const elements = (family: 4 | 6): string[] => [
    ...new Set(
      callees.flatMap(({ addresses, port, protocol }) =>
        addresses
          .filter((address) => isIP(address) === family)
          .map((address) => `${address} . ${protocol} . ${port}`),
      ),
    ),
  ];
  const set = (name: string, type: string, all: readonly string[]): string[] => [
    `  set ${name} {`,
    `    type ${type} . inet_proto . inet_service`,
    ...(all.length === 0 ? [] : [`    elements = { ${all.join(', ')} }`]),
    '  }',
  ];
  const others =
    'user' in subject
      ? `meta skuid != ${JSON.stringify(subject.user)} accept`
      : `socket cgroupv2 level 2 != ${JSON.stringify(`system.slice/${subject.unit}`)} accept`;
  return [
    '# The services that Sekisho may connect to. Load this file with `nft -f`, and write it again after each change of the config: it has the',
    '# addresses that the names resolved to when it was written.',
    ...('unit' in subject
      ? ['# The unit must be running when this is loaded: nftables looks up its control group once.']
      : []),
    ...callees.map(
      ({ what, host, port, protocol, addresses }) =>
        `#   ${what}: ${host} ${protocol} ${port}${addresses.length === 0 ? ': COULD NOT BE RESOLVED, and is not allowed' : ''}`,
    ),
    'table inet sekisho_egress',
    'delete table inet sekisho_egress',
    'table inet sekisho_egress {',
    ...set('callees4', 'ipv4_addr', elements(4)),
    ...set('callees6', 'ipv6_addr', elements(6)),
    '  chain output {',
    '    type filter hook output priority 0; policy accept;',
    `    ${others}`,
    '    # Responses on connections that clients opened.',
    '    ct direction reply accept',
    '    ct state established,related accept',
    '    ip daddr . meta l4proto . th dport @callees4 accept',
    '    ip6 daddr . meta l4proto . th dport @callees6 accept',
    '    meta l4proto { tcp, udp } limit rate 10/minute log prefix "sekisho egress refused: " level warn',
    '    counter reject with icmpx type admin-prohibited',
    '  }',
    '}',
    '',
  ].join('\n');
}
