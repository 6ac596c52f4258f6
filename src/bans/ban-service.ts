/** The ledger at work: with its journal, its lists, and its fleet. One a gateway, however many processes carry requests. */
import type { EventSink, ProbeEvent } from '../events/event.ts';
import type { Ban } from './ban.ts';
import type { BanJournal } from './ban-journal.ts';
import type { BanLedger } from './ledger.ts';
import { readLists } from './list-file.ts';
import { ListWatch } from './list-watch.ts';
import type { PrefixList } from './prefix-list.ts';

export interface BanServiceOptions {
  readonly ledger: BanLedger;
  /** Where bans outlive the process; null: nowhere. */
  readonly journal: BanJournal | null;
  /** Absolute names of list files. */
  readonly lists: readonly string[];
  /** Told of each ban that this gateway makes. */
  readonly onBan: (ban: Ban) => void;
  /** Told of lists that can't be read any more; those before stay in force. */
  readonly onError: (error: unknown) => void;
}

export class BanService {
  readonly ledger: BanLedger;
  readonly #options: BanServiceOptions;
  #watch: ListWatch;
  #journal: BanJournal | null;

  private constructor(options: BanServiceOptions) {
    this.#options = options;
    this.ledger = options.ledger;
    this.#journal = options.journal;
    this.#watch = this.#watching(options.lists);
  }

  /**
   * Loads what was banned before, reads the lists, and begins.
   *
   * @throws {ListError} where a list can't be read: a gateway that starts without one would let in whom it keeps out
   */
  static async start(options: BanServiceOptions): Promise<BanService> {
    const { ledger, journal, lists, onBan } = options;
    for (const ban of journal?.load() ?? []) ledger.apply(ban, 'journal');
    if (lists.length > 0) ledger.replaceLists(await readLists(lists));
    const service = new BanService(options);
    ledger.onChange((change, origin) => {
      if (change.kind === 'lists') return;
      if (origin !== 'journal') service.#journal?.save(change.ban);
      if (origin === 'here' && change.kind === 'added') onBan(change.ban);
    });
    return service;
  }

  /** Counts the probes that count towards a ban. */
  readonly onEvent: EventSink = (event: ProbeEvent): void => {
    if (event.counts) this.ledger.offend(event.client, event.rule);
  };

  /** @param prefix as `clientPrefix` writes it */
  readonly isBanned = (prefix: string): boolean =>
    // A ban of a network does not reach whom the allow-list names in it.
    this.ledger.isBanned(prefix) && !this.ledger.isExempt(prefix.slice(0, prefix.lastIndexOf('/')));

  /** Reads the list files anew, perhaps others than before; resolves when they are in force, or an error has been told. */
  async reload(lists: readonly string[] = this.#options.lists): Promise<void> {
    this.#watch.close();
    this.#watch = this.#watching(lists);
    await this.#watch.reload();
  }

  /** Goes on with another journal: what it holds is taken in, and it gets every ban of this gateway. */
  moveTo(journal: BanJournal | null): void {
    for (const ban of journal?.load() ?? []) this.ledger.apply(ban, 'journal');
    let saved = 0;
    if (journal !== null)
      for (const ban of this.ledger.records()) {
        journal.save(ban);
        if (++saved % 10_000 === 0) journal.flush();
      }
    this.#journal?.close();
    this.#journal = journal;
  }

  close(): void {
    this.#watch.close();
    this.#journal?.close();
  }

  #watching(files: readonly string[]): ListWatch {
    const { ledger, onError } = this.#options;
    const onLists = (list: PrefixList): void => ledger.replaceLists(list);
    return new ListWatch({ files, onLists, onError });
  }
}
