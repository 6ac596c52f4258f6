/** Joins the ledger with its journal and its list files. There is one per gateway, even with several worker processes. */
import type { EventSink, ProbeEvent } from '../events/event.ts';
import { plural } from '../plural.ts';
import type { Ban } from './ban.ts';
import type { BanJournal } from './ban-journal.ts';
import type { BanLedger } from './ledger.ts';
import { ListWatch } from './list-watch.ts';
import type { PrefixList } from './prefix-list.ts';

export interface BanServiceOptions {
  readonly ledger: BanLedger;
  /** Keeps bans across restarts; null: bans end with the process. */
  readonly journal: BanJournal | null;
  /** Absolute names of list files. */
  readonly lists: readonly string[];
  /** Called for each ban that this gateway makes. */
  readonly onBan: (ban: Ban) => void;
  /** Called when a list can no longer be read; the previous lists stay in force. */
  readonly onError: (error: unknown) => void;
  /** Called when lists have lines that ban nobody. */
  readonly onWarning: (words: string) => void;
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
   * Loads earlier bans, reads the lists, and starts.
   *
   * @throws {ListError} if a list can't be read: a gateway started without it would admit the clients it bans
   */
  static async start(options: BanServiceOptions): Promise<BanService> {
    const { ledger, journal, onBan } = options;
    for (const ban of journal?.load() ?? []) ledger.apply(ban, 'journal');
    const service = new BanService(options);
    await service.#watch.load().catch((error) => {
      service.#watch.close();
      throw error;
    });
    ledger.onChange((change, origin) => {
      if (change.kind === 'lists') return;
      if (origin !== 'journal') service.#journal?.save(change.ban);
      if (origin === 'here' && change.kind === 'added') onBan(change.ban);
    });
    return service;
  }

  /** Counts probes whose rule counts towards a ban. */
  readonly onEvent: EventSink = (event: ProbeEvent): void => {
    if (event.counts) this.ledger.offend(event.client, event.rule);
  };

  /** @param prefix as `clientPrefix` writes it */
  readonly isBanned = (prefix: string): boolean =>
    // A ban of a network does not affect allow-listed addresses inside it.
    this.ledger.isBanned(prefix) && !this.ledger.isExempt(prefix.slice(0, prefix.lastIndexOf('/')));

  /** Rereads the list files, or reads other ones; resolves once they are in force or an error has been reported. */
  async reload(lists: readonly string[] = this.#options.lists): Promise<void> {
    this.#watch.close();
    this.#watch = this.#watching(lists);
    await this.#watch.reload();
  }

  /** Switches to another journal: loads its bans, and saves every ban of this gateway to it. */
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
    const { ledger, onError, onWarning } = this.#options;
    const onLists = (list: PrefixList): void => {
      ledger.replaceLists(list);
      const { count, first } = list.idle;
      if (count > 0) onWarning(`${plural(count, 'line')} of the lists can't ban anybody: ${first}`);
    };
    return new ListWatch({ files, onLists, onError });
  }
}
