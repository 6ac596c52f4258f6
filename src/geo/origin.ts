/** The origin of an address: country and network. */

export interface Origin {
  /** ISO 3166-1 alpha-2, `DE`; null: unknown. */
  readonly country: string | null;
  /** Number of the autonomous system that announces it; null: unknown. */
  readonly asn: number | null;
  /** Operator of that network; null: unknown. */
  readonly network: string | null;
}

/** @param address as text; for any other text every field is null */
export type OriginOf = (address: string) => Origin;

const unknown: Origin = Object.freeze({ country: null, asn: null, network: null });
export const noOrigin: OriginOf = () => unknown;

/** `AS64500 Example Net, DE`; empty if unknown. */
export const originText = ({ country, asn, network }: Origin): string =>
  [[asn === null ? null : `AS${asn}`, network].filter((part) => part !== null).join(' '), country]
    .filter((part) => part !== null && part !== '')
    .join(', ');
