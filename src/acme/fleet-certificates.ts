/**
 * Certificates of a fleet: one gateway orders for all, by a lock that runs out; accounts, proofs and certificates come to every
 * gateway through the store they share, sealed with a secret that the store does not know. Each keeps them in its own folder, so
 * that all of them serve while the store is away; nothing is ordered then.
 */
import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { Seal } from './seal.ts';
import { certificateIn, fileName, type Store } from './store.ts';

/** What is shared with the other gateways. */
export interface SharedNotes {
  readonly connected: boolean;
  /** Claims a task. @returns whether it is this gateway's, for `life` milliseconds */
  claim(task: string, id: string, life: number): Promise<boolean>;
  /** Leaves a note for `life` milliseconds. */
  note(name: string, text: string, life: number): Promise<void>;
  noted(name: string): Promise<string | null>;
}

export interface Sharing {
  /** This gateway orders. */
  readonly leads: boolean;
  /** @param onChange told when this gateway leads from now on, and when the leader told of its orders */
  start(hosts: readonly string[], onChange: () => void): void;
  /** Other hosts than before. */
  replace(hosts: readonly string[]): void;
  /** Resolves when every gateway has what is in the folder of this one. @throws Error where the store is away */
  spread(): Promise<void>;
  close(): Promise<void>;
}

/** No fleet: this gateway orders, and nobody else serves. */
export const alone = (): Sharing => ({
  leads: true,
  start: () => {},
  replace: () => {},
  spread: async () => {},
  close: async () => {},
});

export interface FleetCertificatesOptions {
  readonly store: Store;
  /** Null: the fleet is being changed. */
  readonly notes: () => SharedNotes | null;
  /** `acme.secret`. */
  readonly secret: string;
  /** A certificate came from the gateway that orders. */
  readonly onCertificate: (host: string, until: Date) => void;
  readonly onError: (error: Error) => void;
}

/** Milliseconds between two looks at what is shared. */
const lookEvery = 1000;
/** Milliseconds in which every gateway has looked. */
const spreadTime = 2500;
/** How long the lock holds without a word of its holder, milliseconds. */
const lockLife = 15_000;
/** Notes are written again before they end, milliseconds. */
const [indexLife, certificateLife, certificateEvery] = [3_600_000, 3 * 86_400_000, 86_400_000];
/** Bytes: a hundred hosts make some thousands. */
const mostIndex = 4 * 1024 * 1024;

const [lock, indexName] = ['acme:leader', 'acme:index'];

/** What the leader tells. Names are those of files. */
interface Index {
  /** SHA-256 of each certificate with its key; they have notes of their own. */
  readonly certificates: Readonly<Record<string, string>>;
  readonly accounts: Readonly<Record<string, string>>;
  readonly challenges: Readonly<Record<string, string>>;
  readonly state: unknown;
}

export class FleetCertificates implements Sharing {
  readonly #options: FleetCertificatesOptions;
  readonly #seal: Seal;
  readonly #id = randomUUID();
  #hosts: readonly string[] = [];
  #onChange: () => void = () => {};
  #leads = false;
  /** The index as it was noted last, sealed, and what it says where it is ours. */
  #sealed: string | null = null;
  #ours: Index | null = null;
  /** Certificates that were noted from here: what, and when. */
  readonly #put = new Map<string, { readonly hash: string; readonly at: number }>();
  #timer: NodeJS.Timeout | null = null;
  #queue: Promise<void> = Promise.resolve();
  #told = '';

  constructor(options: FleetCertificatesOptions) {
    this.#options = options;
    this.#seal = new Seal(options.secret);
  }

  get leads(): boolean {
    return this.#leads;
  }

  start(hosts: readonly string[], onChange: () => void): void {
    this.#hosts = hosts;
    this.#onChange = onChange;
    let waiting = false;
    const look = (): void => {
      if (waiting) return;
      waiting = true;
      this.#inTurn(() => this.#look())
        .then(
          () => {
            this.#told = '';
          },
          (error: Error) => {
            this.#leads = false;
            // The same error is told once, until all is well again.
            if (error.message !== this.#told) this.#options.onError(error);
            this.#told = error.message;
          },
        )
        .finally(() => {
          waiting = false;
        });
    };
    this.#timer = setInterval(look, lookEvery).unref();
    look();
  }

  replace(hosts: readonly string[]): void {
    this.#hosts = hosts;
    // What was left out for other hosts is looked at again.
    this.#sealed = null;
  }

  async spread(): Promise<void> {
    const notes = this.#options.notes();
    if (notes?.connected !== true)
      throw new Error('the store of the fleet is away: proofs would not be known everywhere');
    await this.#inTurn(() => this.#publish(notes));
    if (Object.keys(this.#options.store.files('challenges')).length > 0) await sleep(spreadTime);
  }

  /** Gives the lock back. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#queue;
    const notes = this.#options.notes();
    if (this.#leads && notes?.connected === true) await notes.claim(lock, this.#id, 1).catch(() => {});
    this.#leads = false;
  }

  #inTurn(task: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(task);
    this.#queue = done.catch(() => {});
    return done;
  }

  async #look(): Promise<void> {
    const notes = this.#options.notes();
    // Why the store is not there is told by the fleet.
    if (notes?.connected !== true) {
      this.#leads = false;
      return;
    }
    const led = this.#leads;
    const leads = await notes.claim(lock, this.#id, lockLife);
    const sealed = await notes.noted(indexName);
    if (sealed === null) {
      // It has run out, or the store lost what it held.
      this.#put.clear();
      this.#ours = null;
    } else if (sealed !== this.#sealed) {
      const index = this.#read(sealed);
      await this.#take(notes, index, led);
      this.#sealed = sealed;
      if (!led) this.#onChange();
    }
    if (leads) await this.#publish(notes);
    this.#leads = leads;
    if (leads && !led) this.#onChange();
  }

  /** @throws Error where another secret sealed it */
  #read(sealed: string): Index {
    const text = sealed.length > mostIndex ? null : this.#seal.open(indexName, sealed);
    if (text === null)
      throw new Error(
        'what other gateways tell of certificates is not sealed with the acme.secret of this one: write the same everywhere',
      );
    return JSON.parse(text) as Index;
  }

  /** @param led this gateway has ordered itself: it knows better about its own orders */
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
        if (before[name] !== text) store.saveFile('challenges', name, text);
      for (const name of Object.keys(before))
        if (!Object.hasOwn(challenges, name)) store.removeFile('challenges', name);
    }
    for (const host of this.#hosts) {
      const hash = certificates[fileName(host)];
      if (hash !== undefined) await this.#takeCertificate(notes, host, hash);
    }
  }

  /** The one that was issued later holds: who can write to the store could else bring one back that was given up. */
  async #takeCertificate(notes: SharedNotes, host: string, hash: string): Promise<void> {
    const { store, onCertificate } = this.#options;
    const known = store.certificate(host);
    if (known !== null && hashOf(known) === hash) return;
    const name = certificateName(fileName(host));
    const sealed = await notes.noted(name);
    const pem = sealed === null ? null : this.#seal.open(name, sealed);
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
      await notes.note(name, this.#seal.close(name, pem), certificateLife);
      this.#put.set(file, { hash, at: now });
    }
    const index: Index = {
      certificates: Object.fromEntries(Object.entries(files).map(([name, pem]) => [name, hashOf(pem)])),
      accounts: store.files('accounts'),
      challenges: store.files('challenges'),
      state: store.readState(),
    };
    if (isDeepStrictEqual(index, this.#ours)) return;
    const sealed = this.#seal.close(indexName, JSON.stringify(index));
    await notes.note(indexName, sealed, indexLife);
    [this.#ours, this.#sealed] = [index, sealed];
  }
}

const certificateName = (file: string): string => `acme:certificate:${file}`;
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
