/** Names under which credentials are sent: of header fields, parameters and members of JSON. By pattern, since every program makes its own. */

/** Anywhere in the name, without its separators: `X-Vault-Token`, `refreshToken`, `api_key`. */
const within =
  /token|secret|passw|passphrase|credential|cookie|csrf|xsrf|jwt|assertion|authorization|apikey|accesskey|privatekey|signature|session|samlre/;
/** One of the words that the name is made of: `X-Auth`, `proxy_pass`. */
const words = new Set(['auth', 'pass', 'pwd', 'passwd', 'sid', 'sig', 'otp', 'hmac', 'bearer']);
/** The whole name. */
const whole = new Set(['code', 'key', 'pin', 'ticket', 'sec-websocket-protocol']);

/** @param name as it was sent */
export function isSecretName(name: string): boolean {
  const plain = name.includes('%') ? decoded(name) : name;
  const lower = plain.toLowerCase();
  if (whole.has(lower) || within.test(lower.replace(/[-_.[\]]+/g, ''))) return true;
  return plain
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .split(/[-_.[\]]+/)
    .some((word) => words.has(word));
}

const decoded = (name: string): string =>
  name.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
