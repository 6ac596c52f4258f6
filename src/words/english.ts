/** Numbers in the English catalogues. */
import { nounFor } from '../plural.ts';
import { sayIn } from './say.ts';

export const { amount } = sayIn('en');

/** `1 probe`, `1,234 probes`. @param many the plural, if it is not the noun with an s */
export const counted = (count: number, noun: string, many?: string): string =>
  `${amount(count)} ${nounFor(count, noun, many)}`;
