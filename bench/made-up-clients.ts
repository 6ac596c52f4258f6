/** Prefixes of made-up clients. */
const ipv4 = (i: number): string =>
  `${11 + ((i >> 24) & 127)}.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;
/** Addresses spread over the whole space, each once: multiplying by an odd factor permutes 2^31. */
export const scattered = (i: number): string => ipv4(Math.imul(i, 0x9e3779b1) >>> 1);
export const prefixOf = (i: number): string =>
  i % 4 === 3
    ? `2001:db8:${(i >> 16).toString(16) || 0}:${(i & 0xffff).toString(16)}::/64`
    : `${scattered(i)}/32`;
