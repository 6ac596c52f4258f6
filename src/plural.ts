/** English plurals, for messages that are not translated and for the English catalogues in `words/`. */

/** `probe`, `probes`. @param many the plural, if it is not the noun with an s */
export const nounFor = (count: number, noun: string, many = `${noun}s`): string =>
  count === 1 ? noun : many;

/** `1 probe`, `2 probes`: the number without grouping, as in logs. */
export const plural = (count: number, noun: string, many?: string): string =>
  `${count} ${nounFor(count, noun, many)}`;
