/** The mail guard's options, and how they are compiled from the config's `smtp` section. */
import type { CertificateFiles } from '../listener/certificates.ts';
import type { Action } from '../rules/catalogue.ts';
import type { SmtpDocument } from './schema.ts';

/** A listener. */
export interface ListenerOptions {
  /** ADDR:PORT, IPv6 in brackets. */
  readonly address: string;
  /** `required`: no mail before AUTH. `none`: no AUTH. */
  readonly auth: 'offered' | 'required' | 'none';
  readonly tls: 'starttls' | 'implicit';
  /** Mail servers, each HOST:PORT; tried round-robin until one greets. */
  readonly backends: readonly string[];
  /** Peers of `trustedProxies` send a PROXY header first. */
  readonly proxyProtocol: boolean;
}

/** TLS to the mail server, and how its certificate is verified. */
export interface UpstreamTls {
  readonly mode: 'starttls' | 'implicit';
  /** PEM; null: the system's authorities. */
  readonly ca: string | null;
  /** Null: the backend's host. */
  readonly servername: string | null;
  readonly verify: boolean;
}

/** The guard's settings, compiled: milliseconds, bytes, absolute file names. */
export interface SmtpOptions {
  readonly listen: readonly ListenerOptions[];
  /** Peers whose PROXY headers are believed. */
  readonly trustedProxies: readonly string[];
  /** Domains that accept mail from anywhere: names, `*.name`, address literals in brackets; or the file that lists them. */
  readonly domains: readonly string[] | { readonly file: string };
  /** Prefixes whose clients may send to any domain. */
  readonly relayFrom: readonly string[];
  /** Null: STARTTLS and AUTH are not offered. */
  readonly tls: readonly CertificateFiles[] | null;
  /** Null: no TLS to the mail server. */
  readonly backendTls: UpstreamTls | null;
  /** Tell the mail server the client's address by XCLIENT. */
  readonly xclient: boolean;
  /** Tell the mail server the client's address by a PROXY protocol header. */
  readonly proxyProtocol: false | 'v1' | 'v2';
  /** Reuse sessions with the mail server that ended well for the next client; not with `xclient` or `proxyProtocol`. */
  readonly reuse: boolean;
  /** Clients whose bare CR and LF become CRLF; others are refused. */
  readonly normalizeFrom: 'nobody' | 'everybody' | readonly string[];
  /** In our own local parts, also refuse characters that no mail server expands. */
  readonly plainLocals: boolean;
  /** Action of rule `smtp-own-sender`: a sender of our own domains, from outside. */
  readonly ownSender: Action;
  /** EHLO keywords hidden from clients that can't relay. */
  readonly withhold: readonly string[];
  readonly submission: SubmissionOptions;
  readonly limits: SmtpLimits;
  readonly timeouts: SmtpTimeouts;
}

/** Limits of signed-in accounts. */
export interface SubmissionOptions {
  /** For each account, an hour. */
  readonly limits: { readonly messages: number; readonly recipients: number; readonly failures: number };
  /** Account → its sender addresses, or `@domain`; `*` for accounts not listed. */
  readonly senders: Readonly<Record<string, readonly string[]>>;
}

export interface SmtpLimits {
  readonly connections: number;
  readonly connectionsPerClient: number;
  readonly recipients: number;
  readonly errors: number;
  readonly commandsBeforeMail: number;
  /** Bytes; null: the mail server's limit. */
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

/** What compiling needs from the config: readers of quantities and of files. */
export interface SmtpDocumentReader {
  duration(text: string): number;
  size(text: string): number;
  /** The absolute name of a file. */
  path(name: string): string;
  /** The certificates that `tls` names; null: none. */
  certificates(tls: SmtpDocument['tls']): SmtpOptions['tls'];
  /** The text of a file. @throws if it can't be read */
  file(name: string): string;
  /** The prefixes of `trustedProxies`. */
  readonly trustedProxies: readonly string[];
}

/**
 * Compiles a validated section.
 *
 * @throws if a file can't be read
 */
export function smtpOptions(document: SmtpDocument, read: SmtpDocumentReader): SmtpOptions {
  const { listen, backend, backends, tls, limits, timeouts, bareNewline, localParts, ...same } = document;
  const { domains, backendTls, proxyProtocol } = document;
  return {
    ...same,
    listen: (Array.isArray(listen) ? listen : [listen]).map((item): ListenerOptions => {
      const listener = typeof item === 'string' ? { address: item } : item;
      return {
        address: listener.address,
        auth: listener.auth ?? 'offered',
        tls: listener.tls ?? 'starttls',
        backends: several(listener) ?? several(document) ?? [],
        proxyProtocol: listener.proxyProtocol ?? false,
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
    // Depends on the policy of the whole config: src/program/mail-and-decoys.ts fills it in.
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
