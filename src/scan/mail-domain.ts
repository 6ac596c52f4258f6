import { hostOf } from './own-names.ts';

/** The canonical domain; empty if there is none. @param address without angle brackets */
export function domainOf(address: string): string {
  const at = address.lastIndexOf('@');
  return at === -1 ? '' : (hostOf(address.slice(at + 1)) ?? '');
}
