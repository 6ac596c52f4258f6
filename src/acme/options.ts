/** The compiled ACME settings. Plain data. */
export interface AcmeOptions {
  /** Absolute name of the folder for accounts, keys and certificates. */
  readonly folder: string;
  /** URL of the certificate authority's directory (RFC 8555 section 7.1.1). */
  readonly directory: string;
  /** Contact to which the authority reports trouble; null: none. */
  readonly email: string | null;
  /** Absolute name of a PEM file with the CAs for the authority's own server; null: the system's. */
  readonly ca: string | null;
  /** Ties the ACME account to the operator's existing account with the authority (RFC 8555 section 7.3.4). */
  readonly externalAccount: { readonly id: string; readonly key: string } | null;
  /** The names to order certificates for, one certificate each. */
  readonly hosts: readonly string[];
  /** Encrypts what the gateways of a fleet share; null: no fleet is configured. */
  readonly secret: string | null;
  /** The challenge types that can be answered, preferred first. */
  readonly challenges: readonly ChallengeType[];
}

export type ChallengeType = 'http-01' | 'tls-alpn-01';
