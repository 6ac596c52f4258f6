/** The `acme` parts of a config → one account, and the files of its certificates. */
import { isDeepStrictEqual } from 'node:util';
import { certificateFile } from '../acme/acme-folder.ts';
import type { AcmeOptions } from '../acme/options.ts';
import { certificateInFile } from './certificate-file.ts';
import type { PathPart } from './fault.ts';
import { parseHostEntry } from './host-entry.ts';
import { asList as list, asMap as map } from './plain-data.ts';
import type { Finding } from './schema-faults.ts';

/** A certificate and its key. Plain data. */
export interface CertificateSource {
  /** Absolute. */
  readonly cert: string;
  readonly key: string;
  /** Ordered from the authority: the file may not exist yet. */
  readonly ordered?: true;
}

/** An element of `tls` as the document has it. */
export type TlsItem =
  | { readonly cert: string; readonly key: string }
  | { readonly acme: AcmePart }
  | { readonly certificatesOf: 'sites' };

export interface AcmePart {
  readonly email?: string;
  readonly terms?: 'agreed';
  readonly directory?: string;
  readonly ca?: string;
  readonly externalAccount?: { readonly id: string; readonly key: string };
  readonly hosts?: readonly string[];
}

export const letsEncrypt = 'https://acme-v02.api.letsencrypt.org/directory';

interface AcmeDocument {
  readonly listen: readonly unknown[];
  readonly sites: readonly { readonly hosts: readonly string[] }[];
  readonly acme: { readonly folder: string; readonly secret?: string };
  readonly fleet: unknown;
  readonly smtp?: unknown;
  readonly admin?: unknown;
}

/** @param file turns a file name of the config into an absolute one @returns null: nothing is ordered */
export function acmeOptions(document: AcmeDocument, file: (name: string) => string): AcmeOptions | null {
  const parts = partsOf(document as unknown as Record<string, unknown>).map(({ value }) => value as AcmePart);
  if (parts.length === 0) return null;
  const { email, directory, ca, externalAccount } = Object.assign({}, ...parts) as AcmePart;
  const plain = document.listen.some((item) => typeof item === 'string' || map(item).tls === undefined);
  const secure = document.listen.some((item) => map(item).tls !== undefined);
  const has = inFiles(document.listen, file);
  return {
    folder: file(document.acme.folder),
    directory: directory ?? letsEncrypt,
    email: email ?? null,
    ca: ca === undefined ? null : file(ca),
    externalAccount: externalAccount ?? null,
    secret: document.fleet === false ? null : (document.acme.secret ?? null),
    hosts: [
      ...new Set([
        ...siteHosts(document.sites).filter((host) => !has(host)),
        ...parts.flatMap(({ hosts = [] }) => hosts),
      ]),
    ],
    challenges: [...(plain ? (['http-01'] as const) : []), ...(secure ? (['tls-alpn-01'] as const) : [])],
  };
}

/** Whether a certificate file of the listeners covers a host: that one is renewed by another program, so it is not ordered here. */
function inFiles(listen: readonly unknown[], file: (name: string) => string): (host: string) => boolean {
  const files = listen.flatMap((item) => [map(item).tls].flat().map((one) => map(one).cert));
  const good = files
    .map((name) => (typeof name === 'string' ? certificateInFile(file(name)) : null))
    .filter((x509) => x509 !== null && x509.validToDate.getTime() > Date.now());
  return (host) => good.some((x509) => x509!.checkHost(host) !== undefined);
}

/** The files behind `tls`. @param ofSites the certificates of the HTTP listeners */
export function certificateSources(
  tls: TlsItem | readonly TlsItem[] | undefined,
  acme: AcmeOptions | null,
  file: (name: string) => string,
  ofSites: readonly CertificateSource[] = [],
): readonly CertificateSource[] | null {
  if (tls === undefined) return null;
  return [tls].flat().flatMap((item: TlsItem): readonly CertificateSource[] => {
    if ('certificatesOf' in item) return ofSites;
    if ('cert' in item) return [{ cert: file(item.cert), key: file(item.key) }];
    // The listener's own names first: the first certificate is shown to clients without SNI.
    const hosts = [...new Set([...(item.acme.hosts ?? []), ...(acme?.hosts ?? [])])];
    return hosts.map((host) => {
      const name = certificateFile(acme!.folder, host);
      return { cert: name, key: name, ordered: true };
    });
  });
}

/** Names only: a wildcard needs the dns-01 challenge (RFC 8555 section 7.1.3), which is not implemented here, and few authorities issue for addresses. */
function siteHosts(sites: readonly { readonly hosts: readonly string[] }[]): string[] {
  return sites
    .flatMap(({ hosts }) => hosts.map(parseHostEntry))
    .flatMap((entry) => ('fix' in entry || entry.wildcard || entry.kind !== 'name' ? [] : [entry.host]));
}

/** Faults between the `acme` parts of a config. Reads documents of any shape. */
export function acmeFindings(root: Record<string, unknown>): Finding[] {
  const parts = partsOf(root);
  if (parts.length === 0) return [];
  const findings: Finding[] = [];
  if (parts.every(({ value }) => value.terms === undefined))
    findings.push({
      path: [...parts[0]!.path, 'terms'],
      message: "is missing: nothing is ordered without agreement to the authority's terms of service",
      fix: 'read them (those of Let’s Encrypt: https://letsencrypt.org/repository/) and add terms: agreed',
    });
  const names = list(root.sites).flatMap((site) =>
    list(map(site).hosts).filter((one) => typeof one === 'string'),
  );
  if (
    siteHosts([{ hosts: names }]).length === 0 &&
    parts.every(({ value }) => list(value.hosts).length === 0)
  )
    findings.push({
      path: parts[0]!.path,
      message: 'orders nothing: no host of the sites is a name without *',
      fix: 'name hosts in the sites, or give files: { cert: FILE, key: FILE }',
    });
  if (list(root.sites).length === 0)
    findings.push({
      path: parts[0]!.path,
      message:
        'orders nothing: the authority asks for proof at port 80 or 443, and without sites nothing listens there',
      fix: 'add listen: ["0.0.0.0:80"] and a site with that name, or give files: { cert: FILE, key: FILE }',
    });
  if (typeof root.fleet === 'object' && map(root.acme).secret === undefined)
    findings.push({
      path: ['acme', 'secret'],
      message: 'is missing: one gateway of a fleet orders for all, and shares the keys through the store',
      fix: 'write the same on every gateway, such as: openssl rand -base64 32',
    });
  for (const key of ['email', 'directory', 'ca', 'externalAccount']) {
    const said = parts.filter(({ value }) => value[key] !== undefined);
    for (const other of said.slice(1))
      if (!isDeepStrictEqual(other.value[key], said[0]!.value[key]))
        findings.push({
          path: [...other.path, key],
          message: 'differs from the first acme of this config, and all of them are one account',
          fix: 'write the same, or remove it here',
        });
  }
  const sites = list(root.listen).some((item) => map(item).tls !== undefined);
  for (const key of ['admin', 'smtp'])
    if (!sites && [map(root[key]).tls].flat().some((item) => map(item).certificatesOf !== undefined))
      findings.push({
        path: [key, 'tls', 'certificatesOf'],
        message: 'asks for the certificates of the HTTP listeners, and none of them has tls',
        fix: 'add tls to a listener, or name cert and key here',
      });
  return findings;
}

interface Part {
  readonly path: readonly PathPart[];
  readonly value: Record<string, unknown>;
}

function partsOf(root: Record<string, unknown>): Part[] {
  const tls: { readonly path: readonly PathPart[]; readonly value: unknown }[] = [
    ...list(root.listen).map((item, index) => ({ path: ['listen', index, 'tls'], value: map(item).tls })),
    { path: ['smtp', 'tls'], value: map(root.smtp).tls },
    { path: ['admin', 'tls'], value: map(root.admin).tls },
  ];
  return tls.flatMap(({ path, value }) =>
    (Array.isArray(value) ? value : [value]).flatMap((item, index) =>
      map(item).acme === undefined
        ? []
        : [{ path: [...path, ...(Array.isArray(value) ? [index] : []), 'acme'], value: map(map(item).acme) }],
    ),
  );
}
