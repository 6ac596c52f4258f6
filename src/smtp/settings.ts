/** The compiled options: tables, certificates, mail servers. Replaced as a whole on reload; open sessions keep theirs. */
import { isDeepStrictEqual } from 'node:util';
import { parsePrefix } from '../address/ip.ts';
import { PrefixSet } from '../address/prefix-set.ts';
import { Certificates } from '../listener/certificates.ts';
import type { MailPolicy } from '../rules/smtp.ts';
import { Backends } from './backends.ts';
import { DomainFile } from './domain-file.ts';
import { DomainTable } from './domains.ts';
import type { ListenerOptions, SmtpOptions } from './options.ts';
import type { SmtpLog } from './session-context.ts';

/** A listener's settings at work. */
export interface Listener {
  readonly options: ListenerOptions;
  readonly backends: Backends;
}

export class Settings {
  readonly options: SmtpOptions;
  readonly policy: MailPolicy;
  readonly relayFrom: PrefixSet;
  readonly trustedProxies: PrefixSet;
  /** Null: STARTTLS and AUTH are not offered. */
  readonly certificates: Certificates | null;
  readonly listeners: readonly Listener[];
  readonly #normalizeFrom: PrefixSet | null;
  readonly #domainFile: DomainFile | null;

  /**
   * @param before the settings that these replace: close them with `replaced`
   * @throws if a domain, prefix, backend, file or certificate is invalid, saying which
   */
  constructor(options: SmtpOptions, log: SmtpLog, before: Settings | null = null) {
    this.options = options;
    this.relayFrom = prefixSet('relayFrom', options.relayFrom);
    this.trustedProxies = prefixSet('trustedProxies', options.trustedProxies);
    const { normalizeFrom, domains } = options;
    this.#normalizeFrom =
      typeof normalizeFrom === 'string' ? null : prefixSet('bareNewline.normalize', normalizeFrom);
    if (options.xclient && options.proxyProtocol !== false)
      throw new Error(
        'smtp: xclient and proxyProtocol together; choose the one the mail server is configured for',
      );
    this.listeners = listenersOf(options, log);
    this.#domainFile =
      'file' in domains
        ? new DomainFile(domains.file, {
            onError: (error) => log.error({ err: error }, `${error.message}; the old domains stay in force`),
            onReload: () => log.info({ event: 'smtp' }, `smtp: reloaded the domains in ${domains.file}`),
          })
        : null;
    const table = 'file' in domains ? this.#domainFile! : new DomainTable(domains);
    this.policy = { plainLocals: options.plainLocals, owns: (domain) => table.has(domain) };
    try {
      this.certificates =
        options.tls === null ? null : certificatesOf(options.tls, log, before?.certificates);
    } catch (error) {
      this.#domainFile?.close();
      throw error;
    }
  }

  /** Whether a client's bare CR and LF become CRLF. */
  normalizes(address: string): boolean {
    return this.#normalizeFrom?.contains(address) ?? this.options.normalizeFrom === 'everybody';
  }

  /** Stops watching files and ends idle sessions with mail servers. Open sessions go on. */
  close(replaced = false): void {
    this.#domainFile?.close();
    this.certificates?.close(replaced);
    for (const { backends } of this.listeners) backends.close();
  }
}

/** Listeners with the same mail servers share idle sessions. */
function listenersOf(options: SmtpOptions, log: SmtpLog): Listener[] {
  const made: { readonly list: readonly string[]; readonly backends: Backends }[] = [];
  const backendsOf = (list: readonly string[]): Backends => {
    const known = made.find((one) => isDeepStrictEqual(one.list, list));
    if (known !== undefined) return known.backends;
    const backends = new Backends({ ...options, backends: list }, (what, backend) =>
      log.warn({ backend }, `smtp: ${backend} ${what}`),
    );
    made.push({ list, backends });
    return backends;
  };
  return options.listen.map((listener) => ({ options: listener, backends: backendsOf(listener.backends) }));
}

function certificatesOf(
  files: NonNullable<SmtpOptions['tls']>,
  log: SmtpLog,
  before: Certificates | null = null,
): Certificates {
  const events = {
    onError: (error: Error) =>
      log.error({ err: error }, 'smtp: the changed certificates are invalid; the old ones stay in use'),
    onReload: () => log.info({ event: 'smtp' }, 'smtp: reloaded the certificates'),
  };
  return new Certificates(files, events, null, before);
}

function prefixSet(key: string, texts: readonly string[]): PrefixSet {
  return new PrefixSet(
    texts.map((text) => {
      const prefix = parsePrefix(text);
      if (prefix === null) throw new Error(`smtp: ${key}: ${text} is no prefix; write it as 192.0.2.0/24`);
      return prefix;
    }),
  );
}
