/** Warnings about valid settings that are rarely intended. `check` and the start print them; nothing is refused. */
import { networkInterfaces } from 'node:os';
import { parseIp, parsePrefix } from '../address/ip.ts';
import { PrefixSet } from '../address/prefix-set.ts';
import { specialRange } from '../address/special-ranges.ts';
import { smtpWarnings } from '../smtp/faults.ts';
import { letsEncrypt } from './acme.ts';
import { certificateWarnings } from './certificate-warnings.ts';
import { type Config, secretOfThisStart } from './config.ts';
import { isPublicSuffix } from './public-suffixes.ts';

/** One line per warning, with the place and the fix. */
export function warningsOf(config: Config): string[] {
  const { bans, rateLimit, trustedProxies, smtp } = config;
  const warnings: string[] = [];
  if (coversMost(trustedProxies))
    warnings.push(
      'trustedProxies: together these prefixes cover most of the internet, so any client could pass for any other. List the addresses of the proxies in front',
    );
  if (bans !== false && coversMost(bans.allow))
    warnings.push(
      'bans.allow: together these prefixes cover most of the internet, so hardly any client is ever banned. Write bans: false if that is meant',
    );
  if (rateLimit !== false && coversMost(rateLimit.allow))
    warnings.push(
      'rateLimit.allow: together these prefixes cover most of the internet, so hardly any client is ever limited. Write rateLimit: false if that is meant',
    );
  for (const [index, { hosts }] of config.sites.entries())
    for (const { host } of hosts)
      if (host.startsWith('*.') && isPublicSuffix(host.slice(2)))
        warnings.push(
          `sites[${index}].hosts: ${host} covers domains of other people: requests for them are taken for yours, and forwarded. Name your own domain, *.example.net`,
        );
  for (const [index, { balance, cookieSecret }] of config.sites.entries())
    if (config.fleet !== false && balance === 'cookie' && cookieSecret === secretOfThisStart)
      warnings.push(
        `sites[${index}].balance: each gateway of the fleet makes cookies that the others can't read, so clients lose their backend when they change gateways. Write the same cookieSecret for all`,
      );
  if (config.admin !== false && config.admin.tls === null && isPublic(config.admin.listen.host))
    warnings.push(
      `admin.listen: the token goes over the network in the clear to ${config.admin.listen.text}. Add admin.tls, or listen on 127.0.0.1 and come through SSH`,
    );
  if (smtp !== false) {
    const { domains } = smtp;
    for (const domain of 'file' in domains ? [] : domains)
      if (isPublicSuffix(domain.replace(/^\*\./, '')))
        warnings.push(
          `smtp.domains: ${domain} covers domains of other people: mail to any name below it is accepted. Name your own domain`,
        );
    const relays = new PrefixSet(smtp.relayFrom.map((prefix) => parsePrefix(prefix)!));
    const bridge = bridges().find(({ address }) => relays.contains(address));
    if (bridge !== undefined)
      warnings.push(
        `smtp.relayFrom: it contains ${bridge.address}, ${bridge.what}: if connections come in through that bridge, every client of the internet has this address and may relay. List the networks of your own machines`,
      );
    warnings.push(...smtpWarnings(smtp));
  }
  if (config.acme !== null && !config.listen.some(({ port, tls }) => port === (tls === null ? 80 : 443)))
    warnings.push(
      'listen: certificate authorities check challenges on port 80 (plain) or 443 (tls), and nothing listens there: no certificate is issued unless one of these ports is forwarded here',
    );
  warnings.push(...frontDoorWarnings(config), ...certificateWarnings(config));
  return warnings;
}

function frontDoorWarnings({ listen, acme }: Config): string[] {
  const warnings: string[] = [];
  const redirect = listen.findIndex((one) => one.redirect !== null);
  if (redirect >= 0 && listen.every(({ tls }) => tls === null))
    warnings.push(
      `listen[${redirect}].redirect: no listener has tls, so clients are sent to port 443, where another program must answer. Add a listener with tls`,
    );
  if (acme !== null && acme.directory === letsEncrypt)
    for (const host of acme.hosts)
      if (isNotPublic(host))
        warnings.push(
          `acme: ${host} is no name of the internet, and Let's Encrypt refuses it. Give a certificate file for it, or name a private authority in directory`,
        );
  return warnings;
}

/** Names that no public authority certifies: one label, special use (RFC 6761, RFC 6762, RFC 8375), or with an underscore. */
const isNotPublic = (host: string): boolean =>
  !host.includes('.') ||
  host.includes('_') ||
  /\.(?:local|localhost|internal|home\.arpa|lan|test|example|invalid|onion)$/.test(host);

/** Half of IPv4 or a sixteenth of IPv6: no network is that large. */
function coversMost(prefixes: readonly string[]): boolean {
  const set = PrefixSet.ofClients(prefixes);
  return set.share(4) >= 0.5 || set.share(6) >= 1 / 16;
}

const isPublic = (host: string): boolean =>
  host === '0.0.0.0' || host === '::' || (parseIp(host) !== null && specialRange(host) === 'public');

/** Gateway addresses of container networks: the default of Docker, and those of this machine. */
function bridges(): { readonly address: string; readonly what: string }[] {
  const here = Object.entries(networkInterfaces())
    .filter(([name]) => /^(?:docker|br-|podman|cni|lxcbr|virbr|lxdbr|incusbr)/.test(name))
    .flatMap(([name, all = []]) =>
      all.map(({ address }) => ({ address, what: `the container bridge ${name}` })),
    );
  return [{ address: '172.17.0.1', what: 'the gateway of Docker containers' }, ...here];
}
