/** Recognises names of headers, parameters and JSON members that carry credentials. By pattern, since every program invents its own. */
import { percentDecoded } from '../wire/percent.ts';

/** Matched anywhere in the name, ignoring separators: `X-Vault-Token`, `refreshToken`, `api_key`. */
const within =
  /token|secret|passw|passphrase|passcode|credential|cookie|csrf|xsrf|jwt|assertion|authorization|(?:api|access|private|subscription|functions|master|app|auth|account|shared|signing|encryption)key|signature|session|sessid|samlre/;
/** Matched as one word of the name: `X-Auth`, `proxy_pass`. */
const words = new Set([
  'auth',
  'pass',
  'pwd',
  'pw',
  'passwd',
  'sid',
  'sig',
  'otp',
  'totp',
  'hmac',
  'bearer',
  'dpop',
]);
/** Matched as the whole name. */
const whole = new Set(['code', 'key', 'pin', 'ticket', 'dpop', 'sec-websocket-protocol']);

/** @param name as sent */
export function isSecretName(name: string): boolean {
  const plain = name.includes('%') ? percentDecoded(name) : name;
  const lower = plain.toLowerCase();
  if (whole.has(lower) || within.test(lower.replace(/[-_.[\]]+/g, ''))) return true;
  return plain
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .split(/[-_.[\]]+/)
    .some((word) => words.has(word));
}
