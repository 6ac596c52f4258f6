/** Other names of the canary's place: filters compare the spelling of a host, dialling reads its meaning. */
import { parseIp } from '../address/ip.ts';
import { specialRange } from '../address/special-ranges.ts';
import { bracketed, type Ground } from './ground.ts';

/** `HOST:PORT` or `HOST`; null where the canary cannot be named so. */
export type CanaryName = (ground: Ground) => string | null;

const ipv4 = ({ canary }: Ground): readonly number[] | null => {
  const ip = parseIp(canary.host);
  return ip?.family === 4 ? [...ip.bytes] : null;
};

const spelled =
  (spell: (bytes: readonly number[]) => string): CanaryName =>
  (ground) => {
    const bytes = ipv4(ground);
    return bytes === null ? null : `${spell(bytes)}:${ground.canary.port}`;
  };

/** Another address at which it listens, unless that is the one it goes by anyway. */
const at =
  (host: string, written = host): CanaryName =>
  ({ canary }) =>
    canary.hears(host) && canary.host !== written ? `${bracketed(written)}:${canary.port}` : null;

/** RFC 6761 section 6.4: nobody has it. Who dials what a request names fails to look it up, and says so. */
export const nobody = 'sekisho-audit.invalid';

const number = (bytes: readonly number[]): number => bytes.reduce((sum, byte) => sum * 256 + byte, 0);

export const names = {
  /** The port is left to the server: 80, 443, or one that its configuration has. */
  noPort: ({ canary }) => bracketed(canary.host),
  decimal: spelled((bytes) => String(number(bytes))),
  hex: spelled((bytes) => `0x${number(bytes).toString(16)}`),
  octal: spelled((bytes) => bytes.map((byte) => `0${byte.toString(8)}`).join('.')),
  mapped: spelled((bytes) => `[::ffff:${bytes.join('.')}]`),
  loopback: at('127.0.0.1'),
  loopback6: at('::1'),
  localhost: at('127.0.0.1', 'localhost'),
  /** Dialled, this is the machine itself. */
  zero: at('127.0.0.1', '0.0.0.0'),
  short: at('127.0.0.1', '127.1'),
  /** An address of the machine that is no loopback: who denies loopback alone is still open to everybody else. */
  outside: ({ canary }) => {
    const host = canary.beside.find((host) => specialRange(host) !== 'loopback');
    return host === undefined ? null : `${bracketed(host)}:${canary.port}`;
  },
  nobody: () => nobody,
} satisfies Record<string, CanaryName>;
