/**
 * Domains below which anyone can register a name: a site with a wildcard of one would own other people's hosts. A short list for a
 * warning, not the Public Suffix List, which would have to be kept up to date.
 */

/** Second levels that registries use below a country code. */
const secondLevel =
  /^(?:ac|adv|asn|biz|co|com|edu|firm|gen|go|gob|gouv|gov|govt|id|in|ind|info|k12|ltd|me|mil|ne|net|nhs|nom|or|org|plc|police|sch|school|web)\.[a-z]{2}$/;

/** Domains below which providers give names to customers. */
const providers = new Set([
  ...[
    'github.io',
    'gitlab.io',
    'pages.dev',
    'workers.dev',
    'vercel.app',
    'netlify.app',
    'web.app',
    'firebaseapp.com',
  ],
  ...[
    'herokuapp.com',
    'azurewebsites.net',
    'cloudapp.net',
    'cloudfront.net',
    'amazonaws.com',
    'elasticbeanstalk.com',
  ],
  ...[
    'appspot.com',
    'run.app',
    'fly.dev',
    'onrender.com',
    'blogspot.com',
    'wordpress.com',
    'ngrok.io',
    'ngrok-free.app',
  ],
  ...['duckdns.org', 'dyndns.org', 'no-ip.org', 'ddns.net', 'sslip.io', 'nip.io'],
]);

/** Single labels that are no top-level domain of the public DNS. */
const own = new Set([
  ...['localhost', 'local', 'internal', 'lan', 'home', 'corp', 'intranet', 'private'],
  ...['test', 'example', 'invalid', 'onion', 'alt'],
]);

/** @param domain canonical */
export const isPublicSuffix = (domain: string): boolean =>
  domain.includes('.') ? secondLevel.test(domain) || providers.has(domain) : !own.has(domain);
