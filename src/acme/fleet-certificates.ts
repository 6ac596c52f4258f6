/**
 * Shares certificates in a fleet. The gateway that holds a lock with expiry orders for all. Accounts, challenge answers and
 * certificates reach the others through the fleet's store, encrypted with a secret that the store does not know. Every gateway
 * keeps them in its own folder, so that all can serve while the store is unreachable; none orders then.
 */
import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { type AcmeFolder, certificateIn, fileName } from './acme-folder.ts';
import { NoteCipher } from './note-cipher.ts';

/** The part of the fleet's store that certificates use. */
export interface SharedNotes {
  readonly connected: boolean;
  /** Claims a task. @returns whether this gateway holds it, for `life` milliseconds */
  claim(task: string, id: string, life: number): Promise<boolean>;
  /** Stores a note for `life` milliseconds. */
  note(name: string, text: string, life: number): Promise<void>;
  noted(name: string): Promise<string | null>;
}

export interface Sharing {
  /** Whether this gateway orders. */
  readonly leads: boolean;
  /** @param onChange called when this gateway becomes the leader, and when the leader has published something new */
  start(hosts: readonly string[], onChange: () => void): void;
  /** Replaces the hosts. */
  replace(hosts: readonly string[]): void;
  /** Resolves once every gateway has this gateway's files. @throws Error if the store is unreachable */
  spread(): Promise<void>;
  close(): Promise<void>;
}

/** Without a fleet: this gateway always orders, and shares nothing. */
export const alone = (): Sharing => ({
  leads: true,
  start: () => {},
  replace: () => {},
  spread: async () => {},
  close: async () => {},
});

export interface FleetCertificatesOptions {
  readonly store: AcmeFolder;
  /** Null: a reload is replacing the fleet. */
  readonly notes: () => SharedNotes | null;
  /** `acme.secret`. */
  readonly secret: string;
  /** Called when a certificate arrives from the leader. */
  readonly onCertificate: (host: string, until: Date) => void;
  readonly onError: (error: Error) => void;
}

/** Milliseconds between two polls of the shared notes. */
const pollEvery = 1000;
/** Milliseconds within which every gateway has polled. */
const spreadTime = 2500;
/** How long the lock holds unless renewed, in milliseconds. */
const lockLife = 15_000;
/** Lifetimes of notes, and how often certificates are written again, in milliseconds. */
const [indexLife, certificateLife, certificateEvery] = [3_600_000, 3 * 86_400_000, 86_400_000];
/** The longest index accepted, in bytes: a hundred hosts take some thousands. */
const mostIndex = 4 * 1024 * 1024;

const [lock, indexName] = ['acme:leader', 'acme:index'];

/** What the leader publishes, by file name. */
interface Index {
  /** SHA-256 of each certificate with its key; those are notes of their own. */
  readonly certificates: Readonly<Record<string, string>>;
  readonly accounts: Readonly<Record<string, string>>;
  readonly challenges: Readonly<Record<string, string>>;
  readonly state: unknown;
}

export class FleetCertificates implements Sharing {
  readonly #options: FleetCertificatesOptions;
  readonly #cipher: NoteCipher;
  readonly #id = randomUUID();
  #hosts: readonly string[] = [];
  #onChange: () => void = () => {};
  #leads = false;
  /** The last index seen, encrypted; and its content if this gateway wrote it. */
  #sealed: string | null = null;
  #ours: Index | null = null;
  /** Hash and time of the certificates this gateway published. */
  readonly #put = new Map<string, { readonly hash: string; readonly at: number }>();
  #timer: NodeJS.Timeout | null = null;
  #queue: Promise<void> = Promise.resolve();
  /** Names of challenges in the folder that belong to an order of the leader, another gateway. */
  readonly #foreign = new Set<string>();
  #reported = '';

  constructor(options: FleetCertificatesOptions) {
    this.#options = options;
    this.#cipher = new NoteCipher(options.secret);
  }

  get leads(): boolean {
    return this.#leads;
  }

  start(hosts: readonly string[], onChange: () => void): void {
    this.#hosts = hosts;
    this.#onChange = onChange;
    let waiting = false;
    const poll = (): void => {
      if (waiting) return;
      waiting = true;
      this.#enqueue(() => this.#poll())
        .then(
          () => {
            this.#reported = '';
          },
          (error: Error) => {
            this.#leads = false;
            // Report an error once, until a poll succeeds.
            if (error.message !== this.#reported) this.#options.onError(error);
            this.#reported = error.message;
          },
        )
        .finally(() => {
          waiting = false;
        });
    };
    this.#timer = setInterval(poll, pollEvery).unref();
    poll();
  }

  replace(hosts: readonly string[]): void {
    this.#hosts = hosts;
    // Read the index again: certificates of hosts not configured before were skipped.
    this.#sealed = null;
  }

  async spread(): Promise<void> {
    const notes = this.#options.notes();
    if (notes?.connected !== true)
      throw new Error("the fleet's store is unreachable: not every gateway could answer the challenge");
    await this.#enqueue(() => this.#publish(notes));
    if (Object.keys(this.#options.store.files('challenges')).length > 0) await sleep(spreadTime);
  }

  /** Releases the lock. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#queue;
    const notes = this.#options.notes();
    if (this.#leads && notes?.connected === true) await notes.claim(lock, this.#id, 1).catch(() => {});
    this.#leads = false;
  }

  #enqueue(task: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(task);
    this.#queue = done.catch(() => {});
    return done;
  }

  async #poll(): Promise<void> {
    const notes = this.#options.notes();
    // The fleet reports why the store is unreachable.
    if (notes?.connected !== true) {
      this.#leads = false;
      return;
    }
    const led = this.#leads;
    const leads = await notes.claim(lock, this.#id, lockLife);
    const sealed = await notes.noted(indexName);
    if (sealed === null) {
      // It has expired, or the store lost its data.
      this.#put.clear();
      this.#ours = null;
    } else if (sealed !== this.#sealed) {
      const index = this.#read(sealed);
      await this.#take(notes, index, led);
      this.#sealed = sealed;
      if (!led) this.#onChange();
    }
    if (leads && !led) this.#dropAbandoned();
    if (leads) await this.#publish(notes);
    this.#leads = leads;
    if (leads && !led) this.#onChange();
  }

  /** @throws Error if it was encrypted with another secret */
  #read(sealed: string): Index {
    const text = sealed.length > mostIndex ? null : this.#cipher.decrypt(indexName, sealed);
    if (text === null)
      throw new Error(
        "the other gateways' certificates are not encrypted with this gateway's acme.secret: write the same secret on every gateway",
      );
    return JSON.parse(text) as Index;
  }

  /** @param led this gateway was the leader: its own orders and challenges are newer */
  async #take(
    notes: SharedNotes,
    { certificates, accounts, challenges, state }: Index,
    led: boolean,
  ): Promise<void> {
    const { store } = this.#options;
    const known = store.files('accounts');
    for (const [name, text] of Object.entries(accounts))
      if (known[name] !== text) store.saveFile('accounts', name, text);
    if (!led) {
      store.saveState(state);
      const before = store.files('challenges');
      for (const [name, text] of Object.entries(challenges))
        if (before[name] !== text) {
          store.saveFile('challenges', name, text);
          this.#foreign.add(name);
        }
      for (const name of Object.keys(before))
        if (!Object.hasOwn(challenges, name)) {
          store.removeFile('challenges', name);
          this.#foreign.delete(name);
        }
    }
    for (const host of this.#hosts) {
      const hash = certificates[fileName(host)];
      if (hash !== undefined) await this.#takeCertificate(notes, host, hash);
    }
  }

  /** A leader that died leaves the challenges of its order behind. Nobody completes that order, and no later one removes them. */
  #dropAbandoned(): void {
    for (const name of this.#foreign) this.#options.store.removeFile('challenges', name);
    this.#foreign.clear();
  }

  /** Accepts only a certificate issued later than the known one: anyone able to write to the store could replay an old one. */
  async #takeCertificate(notes: SharedNotes, host: string, hash: string): Promise<void> {
    const { store, onCertificate } = this.#options;
    const known = store.certificate(host);
    if (known !== null && hashOf(known) === hash) return;
    const name = certificateName(fileName(host));
    const sealed = await notes.noted(name);
    const pem = sealed === null ? null : this.#cipher.decrypt(name, sealed);
    const [mine, x509] = [certificateIn(known), certificateIn(pem)];
    if (x509?.checkHost(host) === undefined) return;
    if (mine !== null && mine.validFromDate.getTime() >= x509.validFromDate.getTime()) return;
    store.saveCertificate(host, pem!);
    onCertificate(host, x509.validToDate);
  }

  async #publish(notes: SharedNotes): Promise<void> {
    const { store } = this.#options;
    const now = Date.now();
    const files = store.files('certificates');
    for (const [file, pem] of Object.entries(files)) {
      const [hash, put] = [hashOf(pem), this.#put.get(file)];
      if (put?.hash === hash && now - put.at < certificateEvery) continue;
      const name = certificateName(file);
      await notes.note(name, this.#cipher.encrypt(name, pem), certificateLife);
      this.#put.set(file, { hash, at: now });
    }
    const index: Index = {
      certificates: Object.fromEntries(Object.entries(files).map(([name, pem]) => [name, hashOf(pem)])),
      accounts: store.files('accounts'),
      challenges: store.files('challenges'),
      state: store.readState(),
    };
    if (isDeepStrictEqual(index, this.#ours)) return;
    const sealed = this.#cipher.encrypt(indexName, JSON.stringify(index));
    await notes.note(indexName, sealed, indexLife);
    [this.#ours, this.#sealed] = [index, sealed];
  }
}

const certificateName = (file: string): string => `acme:certificate:${file}`;
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
