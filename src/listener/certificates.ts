/** The certificates of a listener: chosen by the name asked for, read again when their files change. */
import { X509Certificate } from 'node:crypto';
import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateEvents {
  /** Changed files can't be used; the certificates before stay in use. */
  readonly onError: (error: Error) => void;
  /** Other certificates are in use now. */
  readonly onReload: () => void;
}

interface Loaded {
  readonly options: SecureContextOptions;
  readonly context: SecureContext;
  readonly x509: X509Certificate;
}

/** How often files are looked at, in milliseconds. Polled: a rename in place, as ACME clients do, escapes inotify. */
const lookEvery = 5000;

export class Certificates {
  readonly #files: readonly CertificateFiles[];
  readonly #events: CertificateEvents;
  #loaded: readonly Loaded[];
  readonly #onChange = (): void => this.reload();

  /**
   * @throws Error where the files can't be used at the start
   */
  constructor(files: readonly CertificateFiles[], events: CertificateEvents) {
    this.#files = files;
    this.#events = events;
    this.#loaded = files.map(load);
    for (const { cert, key } of files) {
      watchFile(cert, { interval: lookEvery, persistent: false }, this.#onChange);
      watchFile(key, { interval: lookEvery, persistent: false }, this.#onChange);
    }
  }

  /** What is shown to a client that asks for no name. */
  get standard(): SecureContextOptions {
    return this.#loaded[0]!.options;
  }

  /** The context for a name asked for; the first one where no certificate is for it. */
  contextFor(servername: string): SecureContext {
    const match = this.#loaded.find(({ x509 }) => x509.checkHost(servername) !== undefined);
    return (match ?? this.#loaded[0]!).context;
  }

  /** Reads the files again. */
  reload(): void {
    try {
      this.#loaded = this.#files.map(load);
    } catch (error) {
      this.#events.onError(error as Error);
      return;
    }
    this.#events.onReload();
  }

  close(): void {
    for (const { cert, key } of this.#files) {
      unwatchFile(cert, this.#onChange);
      unwatchFile(key, this.#onChange);
    }
  }
}

function load({ cert, key }: CertificateFiles): Loaded {
  const chain = readFileSync(cert);
  const options = { cert: chain, key: readFileSync(key), ...tlsFloor };
  return {
    options,
    context: createSecureContext(options),
    x509: new X509Certificate(chain),
  };
}

/** TLS 1.2 and up with forward secrecy and authenticated encryption: Mozilla's intermediate profile (RFC 9325). */
export const tlsFloor = {
  minVersion: 'TLSv1.2',
  ciphers:
    'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:' +
    'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:' +
    'ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305',
} as const;
