/** Where an address is from: country and network. */

export interface Origin {
  /** ISO 3166-1 alpha-2, `DE`; null: not known. */
  readonly country: string | null;
  /** Number of the autonomous system that announces it; null: not known. */
  readonly asn: number | null;
  /** Who runs that network. */
  readonly network: string | null;
}

/** @param address as text; what is no address has no origin */
export type OriginOf = (address: string) => Origin;

const unknown: Origin = Object.freeze({ country: null, asn: null, network: null });
export const noOrigin: OriginOf = () => unknown;

/** `AS64500 Example Net, DE`; empty where nothing is known. */
export const originText = ({ country, asn, network }: Origin): string =>
  [[asn === null ? null : `AS${asn}`, network].filter((part) => part !== null).join(' '), country]
    .filter((part) => part !== null && part !== '')
    .join(', ');
