/** The certificates of a listener: chosen by the name asked for, read again when their files change. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
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
  readonly chain: Buffer;
  readonly key: Buffer;
  readonly x509: X509Certificate;
  /** `rsa`, `ec` … */
  readonly kind: string;
}

/** How often files are looked at, in milliseconds. Polled: a rename in place, as ACME clients do, escapes inotify. */
const lookEvery = 5000;

export class Certificates {
  readonly #files: readonly CertificateFiles[];
  readonly #events: CertificateEvents;
  /** PEM file of the authorities of clients; null: clients are not asked for certificates. */
  readonly #authorities: string | null;
  #ca: Buffer | undefined;
  #loaded: readonly Loaded[];
  /** Made when first asked for. */
  #contexts = new WeakMap<Loaded, SecureContext>();
  readonly #onChange = (): void => this.reload();

  /**
   * @param authorities PEM file of those that sign the certificates of clients
   * @throws Error where the files can't be used at the start
   */
  constructor(
    files: readonly CertificateFiles[],
    events: CertificateEvents,
    authorities: string | null = null,
  ) {
    this.#authorities = authorities;
    this.#ca = readAuthorities(authorities);
    if (authorities !== null)
      watchFile(authorities, { interval: lookEvery, persistent: false }, this.#onChange);
    this.#files = files;
    this.#events = events;
    this.#loaded = files.map(load);
    for (const { cert, key } of files) {
      watchFile(cert, { interval: lookEvery, persistent: false }, this.#onChange);
      watchFile(key, { interval: lookEvery, persistent: false }, this.#onChange);
    }
  }

  /** What is shown to a client that asks for no name: the first certificate, and those of other kinds for the same name. */
  get standard(): SecureContextOptions {
    return this.#optionsOf(this.#together(this.#loaded[0]!));
  }

  /** The same as a context. */
  get standardContext(): SecureContext {
    return this.#contextOf(this.#loaded[0]!);
  }

  /**
   * The context for a name asked for; undefined: the standard one stays, as where no certificate is for the name. Node takes a
   * single certificate out of a context that is given here, so names of other certificates than the first have one kind of key.
   */
  contextFor(servername: string): SecureContext | undefined {
    const first = this.#loaded[0]!;
    const match = this.#loaded.find(({ x509 }) => x509.checkHost(servername) !== undefined) ?? first;
    return this.#together(first).includes(match) ? undefined : this.#contextOf(match);
  }

  #contextOf(first: Loaded): SecureContext {
    const known = this.#contexts.get(first);
    if (known !== undefined) return known;
    const together = first === this.#loaded[0] ? this.#together(first) : [first];
    const context = createSecureContext(this.#optionsOf(together));
    this.#contexts.set(first, context);
    return context;
  }

  /** Reads the files again. A pair that can't be used stays as it was; the others are replaced. */
  reload(): void {
    const before = this.#loaded;
    this.#loaded = this.#files.map((files, index) => {
      try {
        return load(files);
      } catch (error) {
        this.#events.onError(error as Error);
        return before[index]!;
      }
    });
    const caBefore = this.#ca;
    try {
      const ca = readAuthorities(this.#authorities);
      if (ca !== undefined && caBefore?.equals(ca) !== true) this.#ca = ca;
    } catch (error) {
      this.#events.onError(error as Error);
    }
    if (this.#ca === caBefore && this.#loaded.every((one, index) => one === before[index])) return;
    this.#contexts = new WeakMap();
    this.#events.onReload();
  }

  /** A certificate, and of each other kind of key the first one for the same names: an old client has RSA alone. */
  #together(first: Loaded): Loaded[] {
    const together = [first];
    const { subject, subjectAltName } = first.x509;
    for (const one of this.#loaded) {
      const sameName =
        one.x509.subjectAltName === subjectAltName && (subjectAltName || one.x509.subject === subject);
      if (sameName && together.every(({ kind }) => kind !== one.kind)) together.push(one);
    }
    return together;
  }

  /** The authorities are in every context: one without them would believe those of the system. */
  #optionsOf(together: readonly Loaded[]): SecureContextOptions {
    return this.#ca === undefined ? optionsOf(together) : { ...optionsOf(together), ca: this.#ca };
  }

  close(): void {
    if (this.#authorities !== null) unwatchFile(this.#authorities, this.#onChange);
    for (const { cert, key } of this.#files) {
      unwatchFile(cert, this.#onChange);
      unwatchFile(key, this.#onChange);
    }
  }
}

/** @throws Error where there is no certificate in the file */
function readAuthorities(file: string | null): Buffer | undefined {
  if (file === null) return undefined;
  const ca = readFileSync(file);
  new X509Certificate(ca);
  return ca;
}

/** @throws Error where the two can't be read, or don't belong together: a handshake would fail without a word */
function load({ cert, key }: CertificateFiles): Loaded {
  const [chain, keyText] = [readFileSync(cert), readFileSync(key)];
  const x509 = new X509Certificate(chain);
  if (!x509.checkPrivateKey(createPrivateKey(keyText)))
    throw new Error(`${key} is not the key of ${cert}: name the key that the certificate was made with`);
  const loaded = { chain, key: keyText, x509, kind: x509.publicKey.asymmetricKeyType ?? '' };
  createSecureContext(optionsOf([loaded]));
  return loaded;
}

const optionsOf = (together: readonly Loaded[]): SecureContextOptions => ({
  cert: together.map(({ chain }) => chain),
  key: together.map(({ key }) => key),
  ...tlsFloor,
});

/** TLS 1.2 and up with forward secrecy and authenticated encryption: Mozilla's intermediate profile (RFC 9325). */
const tlsFloor = {
  minVersion: 'TLSv1.2',
  ciphers:
    'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:' +
    'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:' +
    'ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305',
} as const;
