/** Prefixes of clients that benches make up, and what a piece of work cost the processor. */

/** Nanoseconds of processor time: what others do on the machine is no part of it. */
export function spent(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) * 1000;
}

const ipv4 = (i: number): string =>
  `${11 + ((i >> 24) & 127)}.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;
/** Spread over the whole space, each one once: an odd factor is a permutation of 2^31. */
export const scattered = (i: number): string => ipv4(Math.imul(i, 0x9e3779b1) >>> 1);
export const prefixOf = (i: number): string =>
  i % 4 === 3
    ? `2001:db8:${(i >> 16).toString(16) || 0}:${(i & 0xffff).toString(16)}::/64`
    : `${scattered(i)}/32`;
