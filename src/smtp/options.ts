/** What the mail guard can be told, and how the config's `smtp` section says it. */
import type { CertificateFiles } from '../listener/certificates.ts';
import type { Action } from '../rules/catalogue.ts';
import type { SmtpDocument } from './schema.ts';

/** A listener. */
export interface DoorOptions {
  /** ADDR:PORT, IPv6 in brackets. */
  readonly address: string;
  /** `required`: no mail before it. `none`: not at all. */
  readonly auth: 'offered' | 'required' | 'none';
  readonly tls: 'starttls' | 'implicit';
  /** Mail servers, each HOST:PORT; tried in turn until one greets. */
  readonly backends: readonly string[];
  /** Peers of `trustedProxies` send a PROXY header first. */
  readonly proxyProtocol: boolean;
}

/** How the mail server is believed that is spoken to by TLS. */
export interface UpstreamTls {
  readonly mode: 'starttls' | 'implicit';
  /** PEM; null: the authorities of the system. */
  readonly ca: string | null;
  /** Null: the host of the backend. */
  readonly servername: string | null;
  readonly verify: boolean;
}

/** The guard's settings, compiled: milliseconds, bytes, absolute file names. */
export interface SmtpOptions {
  readonly listen: readonly DoorOptions[];
  /** Peers whose PROXY headers are believed. */
  readonly trustedProxies: readonly string[];
  /** Domains that mail is taken for from anywhere: names, `*.name`, address literals in brackets; or the file with them. */
  readonly domains: readonly string[] | { readonly file: string };
  /** Prefixes whose clients may send to any domain. */
  readonly relayFrom: readonly string[];
  /** Certificates; null: STARTTLS and AUTH are not offered. */
  readonly tls: readonly CertificateFiles[] | null;
  /** Null: the mail server is spoken to in the clear. */
  readonly backendTls: UpstreamTls | null;
  /** Tell the mail server the client's address by XCLIENT. */
  readonly xclient: boolean;
  /** Tell the mail server the client's address by a PROXY protocol header. */
  readonly proxyProtocol: false | 'v1' | 'v2';
  /** Carry the next client's session on one with the mail server that ended well; not with `xclient` or `proxyProtocol`. */
  readonly reuse: boolean;
  /** What is done with a CR or LF that stands alone: from whom it is made CRLF. */
  readonly normalizeFrom: 'nobody' | 'everybody' | readonly string[];
  /** Refuse signs in our own local parts that no mail server expands. */
  readonly plainLocals: boolean;
  /** What is done with a sender of our own domains from outside: the action of rule `smtp-own-sender`. */
  readonly ownSender: Action;
  /** EHLO keywords that are not offered to clients that may not relay. */
  readonly withhold: readonly string[];
  readonly submission: SubmissionOptions;
  readonly limits: SmtpLimits;
  readonly timeouts: SmtpTimeouts;
}

/** What those may do who have signed in. */
export interface SubmissionOptions {
  /** Each an hour and account. */
  readonly limits: { readonly messages: number; readonly recipients: number; readonly failures: number };
  /** Account → its sender addresses, or `@domain`; `*`: accounts that are not listed. */
  readonly senders: Readonly<Record<string, readonly string[]>>;
}

export interface SmtpLimits {
  readonly connections: number;
  readonly connectionsPerClient: number;
  readonly recipients: number;
  readonly errors: number;
  readonly commandsBeforeMail: number;
  /** Bytes; null: as many as the mail server takes. */
  readonly message: number | null;
}

/** Milliseconds. */
export interface SmtpTimeouts {
  readonly connect: number;
  readonly greeting: number;
  readonly command: number;
  readonly data: number;
  readonly reply: number;
  readonly delivery: number;
}

/** What compiling needs from outside: how quantities are read, and files. */
export interface SmtpDocumentReader {
  duration(text: string): number;
  size(text: string): number;
  /** The absolute name of a file. */
  path(name: string): string;
  /** The certificates behind `tls`; null: none. */
  certificates(tls: SmtpDocument['tls']): SmtpOptions['tls'];
  /** Its text. @throws where it cannot be read */
  file(name: string): string;
  /** The prefixes of `trustedProxies`. */
  readonly trustedProxies: readonly string[];
}

/**
 * The options of a validated section.
 *
 * @throws where a file cannot be read
 */
export function smtpOptions(document: SmtpDocument, read: SmtpDocumentReader): SmtpOptions {
  const { listen, backend, backends, tls, limits, timeouts, bareNewline, localParts, ...same } = document;
  const { domains, backendTls, proxyProtocol } = document;
  return {
    ...same,
    listen: (Array.isArray(listen) ? listen : [listen]).map((item): DoorOptions => {
      const door = typeof item === 'string' ? { address: item } : item;
      return {
        address: door.address,
        auth: door.auth ?? 'offered',
        tls: door.tls ?? 'starttls',
        backends: several(door) ?? several(document) ?? [],
        proxyProtocol: door.proxyProtocol ?? false,
      };
    }),
    trustedProxies: read.trustedProxies,
    domains: Array.isArray(domains) ? domains : { file: read.path(domains.file) },
    tls: read.certificates(tls),
    backendTls:
      backendTls === undefined
        ? null
        : {
            mode: backendTls.mode ?? 'starttls',
            ca: backendTls.ca === undefined ? null : read.file(backendTls.ca),
            servername: backendTls.servername ?? null,
            verify: backendTls.verify ?? true,
          },
    proxyProtocol: proxyProtocol === true ? 'v1' : proxyProtocol,
    normalizeFrom:
      typeof bareNewline === 'object'
        ? bareNewline.normalize
        : bareNewline === 'normalize'
          ? 'everybody'
          : 'nobody',
    plainLocals: localParts === 'plain',
    // The policy of the whole config says; whoever puts the guard to work fills it in.
    ownSender: 'flag',
    limits: { ...limits, message: limits.message === undefined ? null : read.size(limits.message) },
    timeouts: {
      connect: read.duration(timeouts.connect),
      greeting: read.duration(timeouts.greeting),
      command: read.duration(timeouts.command),
      data: read.duration(timeouts.data),
      reply: read.duration(timeouts.reply),
      delivery: read.duration(timeouts.delivery),
    },
  };
}

const several = ({ backend, backends }: BackendKeys): readonly string[] | null =>
  backends ?? (backend === undefined ? null : [backend]);

interface BackendKeys {
  readonly backend?: string;
  readonly backends?: readonly string[];
}
