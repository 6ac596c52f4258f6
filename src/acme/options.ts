/** How certificates are ordered, as the config says it. Plain data. */
export interface AcmeOptions {
  /** Absolute name of the folder of accounts, keys and certificates. */
  readonly folder: string;
  /** The directory of the certificate authority (RFC 8555 section 7.1.1). */
  readonly directory: string;
  /** Told by the authority of trouble with certificates; null: it is told nobody. */
  readonly email: string | null;
  /** Absolute name of a PEM file of those who sign for the authority's own server; null: the usual ones. */
  readonly ca: string | null;
  /** Ties the account to one that the operator has with the authority (RFC 8555 section 7.3.4). */
  readonly externalAccount: { readonly id: string; readonly key: string } | null;
  /** The names that certificates are ordered for, one each. */
  readonly hosts: readonly string[];
  /** Seals what the gateways of a fleet share; null: this gateway stands alone. */
  readonly secret: string | null;
  /** Which proofs can be given, the preferred one first. */
  readonly challenges: readonly ChallengeType[];
}

export type ChallengeType = 'http-01' | 'tls-alpn-01';
