/** The certificates of a listener: chosen by the name asked for, read again when their files change. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
  /** It is ordered, and may not be there yet. */
  readonly ordered?: true;
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
/** Where one is ordered and not there yet: every handshake fails until it is. */
const missingLookEvery = 1000;

export class Certificates {
  #files: readonly CertificateFiles[];
  readonly #events: CertificateEvents;
  /** PEM file of the authorities of clients; null: clients are not asked for certificates. */
  readonly #authorities: string | null;
  #ca: Buffer | undefined;
  /** Null: ordered, and not there yet. */
  #loaded: readonly (Loaded | null)[];
  /** Made when first asked for. */
  #contexts = new WeakMap<Loaded, SecureContext>();
  /** What the files were before they were read last: a change while they are read is seen by the next look. */
  #seen: string;
  readonly #timer: NodeJS.Timeout;

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
    this.#files = files;
    this.#events = events;
    this.#seen = this.#stamp();
    this.#ca = readAuthorities(authorities);
    this.#loaded = files.map((one) => this.#read(one, null));
    let since = 0;
    this.#timer = setInterval(() => {
      since += missingLookEvery;
      if (since < lookEvery && !this.#loaded.includes(null)) return;
      since = 0;
      if (this.#stamp() !== this.#seen) this.reload();
    }, missingLookEvery).unref();
  }

  /** What is shown to a client that asks for no name: the first certificate, and those of other kinds for the same name. */
  get standard(): SecureContextOptions {
    return this.#optionsOf(this.#together(this.#first));
  }

  /** The same as a context. */
  get standardContext(): SecureContext {
    if (this.#first !== null) return this.#contextOf(this.#first);
    withoutCertificate ??= createSecureContext(tlsFloor);
    return withoutCertificate;
  }

  /** Null: none is there yet, and every handshake fails. */
  get #first(): Loaded | null {
    return this.#present[0] ?? null;
  }

  get #present(): Loaded[] {
    return this.#loaded.filter((one) => one !== null);
  }

  /**
   * The context for a name asked for; undefined: the standard one stays, as where no certificate is for the name. Node takes a
   * single certificate out of a context that is given here: of several kinds of keys the one for the client is to be chosen.
   *
   * @param takesEcdsa false: the client knows RSA alone
   */
  contextFor(servername: string, takesEcdsa = true): SecureContext | undefined {
    const first = this.#first;
    if (first === null) return undefined;
    const match = this.#present.find(({ x509 }) => x509.checkHost(servername) !== undefined) ?? first;
    if (this.#together(first).includes(match)) return undefined;
    const wanted = this.#together(match).find(({ kind }) => (kind === 'rsa') !== takesEcdsa);
    return this.#contextOf(wanted ?? match);
  }

  #contextOf(first: Loaded): SecureContext {
    const known = this.#contexts.get(first);
    if (known !== undefined) return known;
    const together = first === this.#first ? this.#together(first) : [first];
    const context = createSecureContext(this.#optionsOf(together));
    this.#contexts.set(first, context);
    return context;
  }

  /**
   * Reads the files again. A pair that can't be used stays as it was; the others are replaced.
   *
   * @param files others than before: those that are ordered follow the sites. @default the same
   */
  reload(files = this.#files): void {
    const [before, known] = [this.#loaded, this.#files];
    this.#files = files;
    this.#seen = this.#stamp();
    this.#loaded = files.map((one) => {
      const at = known.findIndex(({ cert, key }) => cert === one.cert && key === one.key);
      const old = before[at] ?? null;
      try {
        return this.#read(one, old);
      } catch (error) {
        this.#events.onError(error as Error);
        return old;
      }
    });
    const caBefore = this.#ca;
    try {
      const ca = readAuthorities(this.#authorities);
      if (ca !== undefined && caBefore?.equals(ca) !== true) this.#ca = ca;
    } catch (error) {
      this.#events.onError(error as Error);
    }
    const same =
      this.#loaded.length === before.length && this.#loaded.every((one, index) => one === before[index]);
    if (same && this.#ca === caBefore) return;
    this.#contexts = new WeakMap();
    this.#events.onReload();
  }

  /** A certificate, and of each other kind of key the first one for the same names: an old client has RSA alone. */
  #together(first: Loaded | null): Loaded[] {
    if (first === null) return [];
    const together = [first];
    const { subject, subjectAltName } = first.x509;
    for (const one of this.#present) {
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

  /** @param old what is in use; null: nothing @throws Error where the files can't be used */
  #read(files: CertificateFiles, old: Loaded | null): Loaded | null {
    return files.ordered === true && !existsSync(files.cert) ? old : load(files);
  }

  /** What the files are now, a link being what it leads to. */
  #stamp(): string {
    const authorities = this.#authorities === null ? [] : [this.#authorities];
    return [...authorities, ...this.#files.flatMap(({ cert, key }) => [cert, key])].map(stampOf).join();
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

/** Another text for another file, and for a link that leads elsewhere; empty: it can't be read. */
function stampOf(file: string): string {
  try {
    const { ino, mtimeMs, ctimeMs, size } = statSync(file);
    return `${ino} ${mtimeMs} ${ctimeMs} ${size}`;
  } catch {
    return '';
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
  // A key may stand before it in the same file.
  const x509 = new X509Certificate(chain.subarray(Math.max(0, chain.indexOf('-----BEGIN CERTIFICATE'))));
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

/** Every handshake with it fails. Made when one is needed: it takes a tenth of the time that a start does. */
let withoutCertificate: SecureContext | undefined;
