/** Answers that a listener gives instead of serving a request. */
import type { Judged } from '../guard/checkpoint.ts';
import type { Verdict } from '../judge.ts';
import type { Site } from '../rules/policy.ts';
import type { Instead } from './server.ts';

const plainText = (status: number, reason: string, text: string, more: readonly string[] = []): Instead => ({
  status,
  reason,
  headers: ['Content-Type', 'text/plain; charset=utf-8', 'Content-Length', String(text.length), ...more],
  text,
});

/** For plain HTTP on a TLS port; nginx's 497. */
export const plainOnTls: Instead = plainText(
  400,
  'Bad Request',
  '400 Bad Request\nThis port speaks HTTPS, and the request came as plain HTTP: use https://\n',
);

/**
 * The path of an ACME challenge. The authority asks by plain HTTP (RFC 8555 section 8.3), since there is no certificate yet. Only a
 * token (section 8.1): with `..` after it the exception would cover any page.
 */
const challenge = /^\/\.well-known\/acme-challenge\/([\w-]+)$/;

/** Answers challenges of our own orders. @param answerOf null: not our token; the request goes on */
export const challengeAnswer =
  (answerOf: (token: string) => string | null) =>
  ({ verdict: { path } }: Judged): Instead | null => {
    const token = challenge.exec(path)?.[1];
    const answer = token === undefined ? null : answerOf(token);
    return answer === null ? null : plainText(200, 'OK', answer);
  };

/**
 * Allows challenges for our names that belong to no site, such as the mail server's. Only the authority, or someone who can read our
 * disk, knows the token of an order.
 */
export const ownChallenge =
  (answerOf: (token: string) => string | null) =>
  (judged: Judged): Judged => {
    const { request, verdict } = judged;
    if (verdict.rule !== 'host-foreign' || verdict.signals.length > 1) return judged;
    const token = challenge.exec(request.target)?.[1];
    if (token === undefined || answerOf(token) === null) return judged;
    const passes = {
      action: 'allow',
      path: request.target,
      rule: null,
      signals: [],
      answer: null,
      wanted: null,
    } as const;
    return { ...judged, verdict: { ...verdict, ...passes } };
  };

/** Asks each in turn for an answer. @returns undefined where all are null */
export function inOrder(
  ...answers: readonly (((judged: Judged) => Instead | null) | null)[]
): ((judged: Judged) => Instead | null) | undefined {
  const given = answers.filter((one) => one !== null);
  if (given.length < 2) return given[0];
  return (judged) => given.reduce<Instead | null>((found, one) => found ?? one(judged), null);
}

/**
 * Redirects to https.
 *
 * @param port of https
 * @param hostsOf the hosts of a site as configured
 */
export function redirectToHttps(
  port: number,
  hostsOf: (site: Site) => readonly string[],
): (judged: Judged) => Instead | null {
  const suffix = port === 443 ? '' : `:${port}`;
  return ({ request: { method }, verdict }) => {
    const { path } = verdict;
    if (challenge.test(path)) return null;
    const host = ownHost(hostsOf(verdict.site!), verdict);
    const location = ['Location', `https://${host}${suffix}${path === '*' ? '/' : path}`];
    // RFC 9110 section 15.4.2: after a 301 a POST may become a GET.
    return method === 'GET' || method === 'HEAD'
      ? plainText(301, 'Moved Permanently', '301 Moved Permanently\n', location)
      : plainText(308, 'Permanent Redirect', '308 Permanent Redirect\n', location);
  };
}

/** The configured name. The request's own is never repeated: through a cache it would redirect other users (cache poisoning). */
function ownHost(hosts: readonly string[], { host, site }: Verdict): string {
  const name = host.replace(/:\d+$/, '');
  const own = hosts.find((one) => one === name);
  if (own !== undefined) return own;
  const below = hosts.some((one) => one.startsWith('*.') && name.endsWith(one.slice(1)));
  return below ? name : site!.name;
}
