/** Other spellings of the canary's address: a filter compares text, the resolver and connect() compare addresses. */
import { parseIp } from '../address/ip.ts';
import { specialRange } from '../address/special-ranges.ts';
import { type AuditContext, bracketed } from './audit-context.ts';

/** `HOST:PORT` or `HOST`; null if the canary has no such spelling. */
export type CanaryName = (context: AuditContext) => string | null;

const ipv4 = ({ canary }: AuditContext): readonly number[] | null => {
  const ip = parseIp(canary.host);
  return ip?.family === 4 ? [...ip.bytes] : null;
};

const spelled =
  (spell: (bytes: readonly number[]) => string): CanaryName =>
  (context) => {
    const bytes = ipv4(context);
    return bytes === null ? null : `${spell(bytes)}:${context.canary.port}`;
  };

/** Another address that the canary listens on; null if it is already the canary's host. */
const at =
  (host: string, written = host): CanaryName =>
  ({ canary }) =>
    canary.listensAt(host) && canary.host !== written ? `${bracketed(written)}:${canary.port}` : null;

/** Never resolves (RFC 6761 section 6.4): a server that dials the host in a request fails, and reports that. */
export const unresolvable = 'sekisho-audit.invalid';

const number = (bytes: readonly number[]): number => bytes.reduce((sum, byte) => sum * 256 + byte, 0);

export const names = {
  /** The server chooses the port: 80, 443, or one from its configuration. */
  noPort: ({ canary }) => bracketed(canary.host),
  decimal: spelled((bytes) => String(number(bytes))),
  hex: spelled((bytes) => `0x${number(bytes).toString(16)}`),
  octal: spelled((bytes) => bytes.map((byte) => `0${byte.toString(8)}`).join('.')),
  mapped: spelled((bytes) => `[::ffff:${bytes.join('.')}]`),
  loopback: at('127.0.0.1'),
  loopback6: at('::1'),
  localhost: at('127.0.0.1', 'localhost'),
  /** Connecting to 0.0.0.0 reaches the machine itself. */
  zero: at('127.0.0.1', '0.0.0.0'),
  short: at('127.0.0.1', '127.1'),
  /** A non-loopback address of the machine: a rule that denies only loopback still relays to it. */
  outside: ({ canary }) => {
    const host = canary.extraAddresses.find((host) => specialRange(host) !== 'loopback');
    return host === undefined ? null : `${bracketed(host)}:${canary.port}`;
  },
  unresolvable: () => unresolvable,
} satisfies Record<string, CanaryName>;
