/** The certificates of a listener: selected by server name, reread when their files change. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import {
  createSecureContext,
  createServer,
  type SecureContext,
  type SecureContextOptions,
  type Server as TlsServer,
} from 'node:tls';
import { fileStamp } from '../file-watch.ts';
import { type Staple, staples } from '../ocsp/staples.ts';
import { fileFaults } from './file-faults.ts';

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
  /** The certificate is ordered by ACME, and may not exist yet. */
  readonly ordered?: true;
}

export interface CertificateEvents {
  /** Changed files can't be used; the previous certificates stay in use. */
  readonly onError: (error: Error) => void;
  /** The certificates in use have changed. */
  readonly onReload: () => void;
}

interface Loaded {
  readonly chain: Buffer;
  readonly key: Buffer;
  readonly x509: X509Certificate;
  /** `rsa`, `ec` … */
  readonly kind: string;
  /** Its OCSP responses; null: it does not demand one. */
  readonly staple: Staple | null;
}

/** Polling interval, in milliseconds. ACME clients replace files by rename, which inotify misses. */
const pollEvery = 5000;
/** The interval while an ordered certificate is missing: handshakes for its name fail until it arrives. */
const missingPollEvery = 1000;

export class Certificates {
  #files: readonly CertificateFiles[];
  readonly #events: CertificateEvents;
  /** PEM file of the CAs for client certificates; null: clients are not asked for certificates. */
  readonly #authorities: string | null;
  #ca: Buffer | undefined;
  /** Null: ordered, but not there yet. */
  #loaded: readonly (Loaded | null)[];
  /** Created on first use. */
  #contexts = new WeakMap<Loaded, SecureContext>();
  /** The stamp taken before the last read, so that the next poll notices a change made during that read. */
  #seen: string;
  /** Made on first use. */
  #stapling: TlsServer | null = null;
  /** Responses for certificates that are not in use yet. */
  readonly #waiting = new Set<Staple>();
  /** Files that could not be used when they were last read, and why. */
  readonly #faults = new Map<string, string>();
  #closed = false;
  readonly #timer: NodeJS.Timeout;

  /**
   * @param authorities PEM file of the CAs for client certificates
   * @param before the certificates that these replace: close them with `replaced`
   * @throws Error if the files can't be used at the start
   */
  constructor(
    files: readonly CertificateFiles[],
    events: CertificateEvents,
    authorities: string | null = null,
    before: Certificates | null = null,
  ) {
    this.#authorities = authorities;
    this.#files = files;
    this.#events = events;
    this.#seen = this.#stamp();
    this.#ca = readAuthorities(authorities);
    try {
      this.#loaded = files.map((one) => {
        const read = this.#read(one, null);
        return before === null ? read : this.#ready(read, before.#predecessor(one, read));
      });
    } catch (error) {
      staples.leave(this);
      throw error;
    }
    let since = 0;
    this.#timer = setInterval(() => {
      since += missingPollEvery;
      if (since < pollEvery && !this.#loaded.includes(null)) return;
      since = 0;
      if (this.#stamp() !== this.#seen) this.reload();
      // Reported at the second look only: a certificate and its key are replaced one after the other.
      else fileFaults.put(this, this.#faults);
    }, missingPollEvery).unref();
  }

  /** Shown to clients that send no server name: the first certificate, and those with other key types for its names. */
  get standard(): SecureContextOptions {
    return this.#optionsOf(this.#together(this.#first));
  }

  /** Like `standard`, for clients that support only certificates with an RSA key; null: `standard` is for them too. */
  get standardForRsa(): SecureContextOptions | null {
    const other = this.#firstForRsa;
    return other === this.#first || other === null ? null : this.#optionsOf([other]);
  }

  /**
   * `standard` as a context.
   *
   * @param takesEcdsa false: the client supports only certificates with an RSA key
   */
  standardContext(takesEcdsa = true): SecureContext {
    const first = takesEcdsa ? this.#first : this.#firstForRsa;
    if (first !== null) return this.#contextOf(first);
    withoutCertificate ??= createSecureContext(tlsFloor);
    return withoutCertificate;
  }

  /** Whether names have certificates with several kinds of keys, so that it matters which of them a client supports. */
  get hasSeveralKinds(): boolean {
    return this.#present.some((one) => this.#kindsOf(one).length > 1);
  }

  /** Null: no certificate exists yet, and every handshake fails. */
  get #first(): Loaded | null {
    return this.#present[0] ?? null;
  }

  get #firstForRsa(): Loaded | null {
    const first = this.#first;
    if (first === null || this.#together(first).some(({ kind }) => kind === 'rsa')) return first;
    return this.#kindsOf(first).find(({ kind }) => kind === 'rsa') ?? first;
  }

  get #present(): Loaded[] {
    return this.#loaded.filter((one) => one !== null);
  }

  /**
   * The context for a server name; undefined: keep the standard one, which also serves unknown names. Node uses only one
   * certificate of a context returned from SNICallback, so this picks the key type that the client supports.
   *
   * @param takesEcdsa false: the client supports only RSA
   */
  contextFor(servername: string, takesEcdsa = true): SecureContext | undefined {
    const first = this.#first;
    if (first === null) return undefined;
    const match = this.#present.find(({ x509 }) => x509.checkHost(servername) !== undefined) ?? first;
    const kinds = this.#kindsOf(match);
    if (kinds.includes(first) && this.#together(first).length === kinds.length) return undefined;
    const wanted = kinds.find(({ kind }) => (kind === 'rsa') !== takesEcdsa);
    return this.#contextOf(wanted ?? match);
  }

  /** Makes a server use the current certificates. To be called again after each change. */
  apply(server: TlsServer): void {
    server.setSecureContext(this.standard);
    this.staple(server);
  }

  /** Makes a server staple OCSP responses, if a certificate demands them. */
  staple(server: TlsServer): void {
    // Removes the listener of replaced certificates too.
    server.removeAllListeners('OCSPRequest');
    if (this.#staples) server.on('OCSPRequest', this.#onOcspRequest);
  }

  /** For a TLSSocket of no server: a server that never listens and staples; undefined: no certificate demands it. */
  get stapling(): TlsServer | undefined {
    if (!this.#staples) return undefined;
    if (this.#stapling === null) {
      this.#stapling = createServer(this.standard);
      this.staple(this.#stapling);
    }
    return this.#stapling;
  }

  get #staples(): boolean {
    return this.#present.some(({ staple }) => staple !== null);
  }

  /** Nothing waits for a response: without one the handshake goes on. */
  readonly #onOcspRequest = (
    certificate: Buffer,
    _issuer: Buffer,
    done: (error: Error | null, response: Buffer | null) => void,
  ): void => {
    const used = this.#present.find(({ staple }) => staple?.raw.equals(certificate));
    done(null, used?.staple?.response ?? null);
  };

  #contextOf(first: Loaded): SecureContext {
    const known = this.#contexts.get(first);
    if (known !== undefined) return known;
    const together = first === this.#first ? this.#together(first) : [first];
    const context = createSecureContext(this.#optionsOf(together));
    this.#contexts.set(first, context);
    return context;
  }

  /**
   * Rereads the files. A pair that can't be used keeps its previous certificate; the others are replaced.
   *
   * @param files the new file names: ordered certificates follow the sites. @default unchanged
   */
  reload(files = this.#files): void {
    const before = this.#loaded;
    this.#seen = this.#stamp(files);
    this.#faults.clear();
    this.#loaded = files.map((one) => {
      const old = this.#fromFiles(one);
      try {
        const read = this.#read(one, old);
        return this.#ready(read, this.#predecessor(one, read));
      } catch (error) {
        this.#failed(one.cert, error as Error);
        return old;
      }
    });
    this.#files = files;
    const caBefore = this.#ca;
    staples.keep(this, new Set([...this.#loaded.map((one) => one?.staple ?? null), ...this.#waiting]));
    try {
      const ca = readAuthorities(this.#authorities);
      if (ca !== undefined && caBefore?.equals(ca) !== true) this.#ca = ca;
    } catch (error) {
      this.#failed(this.#authorities!, error as Error);
    }
    if (this.#faults.size === 0) fileFaults.put(this, this.#faults);
    const same =
      this.#loaded.length === before.length && this.#loaded.every((one, index) => one === before[index]);
    if (same && this.#ca === caBefore) return;
    this.#contexts = new WeakMap();
    this.#stapling = null;
    this.#events.onReload();
  }

  #failed(file: string, error: Error): void {
    this.#faults.set(file, error.message);
    this.#events.onError(error);
  }

  /** The certificate in use that was read from these files; null: none. */
  #fromFiles({ cert, key }: CertificateFiles): Loaded | null {
    return this.#loaded[this.#files.findIndex((one) => one.cert === cert && one.key === key)] ?? null;
  }

  /** The certificate in use that a new one replaces: that of the same files, or of the same names and kind of key; null: none. */
  #predecessor(files: CertificateFiles, read: Loaded | null): Loaded | null {
    return this.#fromFiles(files) ?? this.#present.find((one) => isForSame(one, read)) ?? null;
  }

  /** The certificate to use now: the old one while the new one has to wait. */
  #ready(read: Loaded | null, old: Loaded | null): Loaded | null {
    if (read === null || old === null || !this.#mustWait(read, old)) return read;
    if (old.staple !== null) staples.share(this, old.staple);
    return old;
  }

  /** Clients refuse a certificate that demands a response without one, so its responder is asked first: 10 seconds at most. */
  #mustWait({ staple }: Loaded, old: Loaded): boolean {
    if (staple === null || staple === old.staple || staple.wasAsked) return false;
    if (this.#waiting.has(staple)) return true;
    this.#waiting.add(staple);
    void staple.asked.then(() => {
      this.#waiting.delete(staple);
      if (!this.#closed) this.reload();
    });
    return true;
  }

  /**
   * The certificates that share a context. Node asks for the OCSP response before OpenSSL chooses one of them, so one that
   * demands a response has no other beside it.
   */
  #together(first: Loaded | null): Loaded[] {
    if (first === null) return [];
    const kinds = this.#kindsOf(first);
    return kinds.some(({ staple }) => staple !== null) ? [first] : kinds;
  }

  /** A certificate, and the first with each other key type for the same names: old clients support only RSA. */
  #kindsOf(first: Loaded): Loaded[] {
    const together = [first];
    for (const one of this.#present)
      if (hasSameNames(first, one) && together.every(({ kind }) => kind !== one.kind)) together.push(one);
    return together;
  }

  /** Every context gets the configured CAs: one without them would trust the system's. */
  #optionsOf(together: readonly Loaded[]): SecureContextOptions {
    return this.#ca === undefined ? optionsOf(together) : { ...optionsOf(together), ca: this.#ca };
  }

  /** @param old the certificate in use; null: none @throws Error if the files can't be used */
  #read(files: CertificateFiles, old: Loaded | null): Loaded | null {
    return files.ordered === true && !existsSync(files.cert) ? old : load(files, this);
  }

  /** The current state of the files, with links followed. */
  #stamp(files = this.#files): string {
    const authorities = this.#authorities === null ? [] : [this.#authorities];
    return [...authorities, ...files.flatMap(({ cert, key }) => [cert, key])].map(fileStamp).join();
  }

  /** @param replaced by other certificates: problems with those that are no longer in use are resolved */
  close(replaced = false): void {
    this.#closed = true;
    clearInterval(this.#timer);
    if (replaced) {
      staples.keep(this, new Set());
      fileFaults.put(this, new Map());
    } else {
      staples.leave(this);
      fileFaults.leave(this);
    }
  }
}

/** Whether two certificates are for the same names and have the same kind of key. */
const isForSame = (one: Loaded, other: Loaded | null): boolean =>
  one.kind === other?.kind && hasSameNames(one, other);

function hasSameNames({ x509: one }: Loaded, { x509: other }: Loaded): boolean {
  const { subject, subjectAltName } = one;
  return subjectAltName === other.subjectAltName && (Boolean(subjectAltName) || subject === other.subject);
}

/** @throws Error if the file holds no certificate */
function readAuthorities(file: string | null): Buffer | undefined {
  if (file === null) return undefined;
  const ca = readFileSync(file);
  new X509Certificate(ca);
  return ca;
}

/** @throws Error if the files can't be read or don't match, which would make every handshake fail silently */
function load({ cert, key }: CertificateFiles, user: Certificates): Loaded {
  const [chain, keyText] = [readFileSync(cert), readFileSync(key)];
  // The file may begin with the key.
  const x509 = new X509Certificate(chain.subarray(Math.max(0, chain.indexOf('-----BEGIN CERTIFICATE'))));
  if (!x509.checkPrivateKey(createPrivateKey(keyText)))
    throw new Error(`${key} is not the key of ${cert}: name the private key of this certificate`);
  const loaded = { chain, key: keyText, x509, kind: x509.publicKey.asymmetricKeyType ?? '' };
  createSecureContext(optionsOf([loaded]));
  return { ...loaded, staple: staples.of(user, x509, chain) };
}

const optionsOf = (together: readonly Pick<Loaded, 'chain' | 'key'>[]): SecureContextOptions => ({
  cert: together.map(({ chain }) => chain),
  key: together.map(({ key }) => key),
  ...tlsFloor,
});

/** TLS 1.2 or later with forward secrecy and authenticated encryption: Mozilla's intermediate profile (RFC 9325). */
const tlsFloor = {
  minVersion: 'TLSv1.2',
  ciphers:
    'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:' +
    'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:' +
    'ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305',
} as const;

/** A context with which every handshake fails. Created when needed: it would take a tenth of the start-up time. */
let withoutCertificate: SecureContext | undefined;
