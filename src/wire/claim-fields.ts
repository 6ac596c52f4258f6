/**
 * Fields that claim who the client is, or by what name and port it connected. Backends log, limit and
 * allow by them, so they are accepted from trusted proxies only.
 */
import { FieldNames, isAt } from './field-names.ts';

/** The fields that are rewritten for the backend. */
const written = new FieldNames(
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
  'x-real-ip',
);

/** The fields that proxies and CDNs write, besides everything that begins with `X-Forwarded-`. */
const others = new FieldNames(
  ...[
    'x-real-ip',
    'x-real-port',
    'x-client-ip',
    'x-cluster-client-ip',
    'x-original-forwarded-for',
    'x-forwarded',
  ],
  ...['true-client-ip', 'cf-connecting-ip', 'cf-connecting-ipv6', 'cf-pseudo-ipv4', 'fastly-client-ip'],
  ...['fly-client-ip', 'client-ip', 'x-azure-clientip', 'x-azure-socketip', 'x-appengine-user-ip'],
  ...['x-envoy-external-address', 'x-remote-ip', 'x-remote-addr', 'x-originating-ip', 'x-proxyuser-ip'],
  ...['proxy-client-ip', 'wl-proxy-client-ip', 'x-url-scheme', 'front-end-https'],
  // Frameworks look for the first in place of Forwarded; the others are of CDNs and platforms.
  ...['forwarded-for', 'x-sucuri-clientip', 'x-vercel-forwarded-for', 'x-nf-client-connection-ip'],
  ...[
    'do-connecting-ip',
    'eo-connecting-ip',
    'incap-client-ip',
    'ali-cdn-real-ip',
    'cdn-src-ip',
    'cdn-real-ip',
  ],
);

/**
 * CGI and WSGI variables do not distinguish `-` and `_`: `X_Forwarded_For` becomes a second HTTP_X_FORWARDED_FOR beside the one
 * that is written here, and the backend may use either.
 */
export const isDisguised = (name: string): boolean =>
  name.includes('_') && written.has(name.replaceAll('_', '-'));

/** Fields of trusted proxies, in any spelling; except those that are replaced without a sighting, such as `X-Forwarded-For`. */
export function isClaim(name: string): boolean {
  const plain = name.includes('_') ? name.replaceAll('_', '-') : name;
  if (others.has(plain)) return true;
  if (plain.length < 13 || !isAt(plain, 0, 'x-forwarded-')) return false;
  return plain !== name || !silent.has(name);
}

/** Ordinary proxies in front of a client write these, so that they are replaced without a sighting. */
const silent = new FieldNames(
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-server',
);
