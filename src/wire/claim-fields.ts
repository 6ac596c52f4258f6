/**
 * Fields in which somebody says who the client is, or by what name and port it came. Backends believe them, and log, limit and
 * allow by them, so that they may come from a trusted proxy only.
 */
import { FieldNames, isAt } from './field-names.ts';

/** Those that are written anew for the backend. */
const written = new FieldNames(
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
  'x-real-ip',
);

/** Those that proxies and content networks write, besides everything that begins with `X-Forwarded-`. */
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
);

/**
 * As variables of CGI and WSGI, `-` and `_` are the same: `X_Forwarded_For` is a second HTTP_X_FORWARDED_FOR beside the one that
 * is written here, and which of them counts is the backend's affair.
 */
export const isDisguised = (name: string): boolean =>
  name.includes('_') && written.has(name.replaceAll('_', '-'));

/** What only a trusted proxy may say, in any spelling; but for what is written anew without a word, as `X-Forwarded-For`. */
export function isClaim(name: string): boolean {
  const plain = name.includes('_') ? name.replaceAll('_', '-') : name;
  if (others.has(plain)) return true;
  if (plain.length < 13 || !isAt(plain, 0, 'x-forwarded-')) return false;
  return plain !== name || !silent.has(name);
}

const silent = new FieldNames(
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-server',
);
