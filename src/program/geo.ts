/** Country and network of clients, from the files named by the config in force. */
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import type { FoldedEvent } from '../events/fold.ts';
import { noOrigin, type OriginOf } from '../geo/origin.ts';
import { Origins } from '../geo/origins.ts';
import { isProbe } from '../rules/catalogue.ts';
import type { PreparedPart } from './prepared.ts';

export class Geo {
  /** Probes since the start by country or `unknown`; empty without `geo.country`. Two-letter country codes bound its size. */
  readonly countries = new Map<string, number>();
  readonly #log: Logger;
  #config: Config['geo'];
  #origins: Origins | null;

  /** @throws Error if a file can't be used, with the fix */
  static async open(config: Config, log: Logger): Promise<Geo> {
    return new Geo(config.geo, await openOrigins(config.geo, log), log);
  }

  private constructor(config: Config['geo'], origins: Origins | null, log: Logger) {
    this.#config = config;
    this.#origins = origins;
    this.#log = log;
  }

  /** Never throws. */
  readonly of: OriginOf = (address) => (this.#origins?.of ?? noOrigin)(address);

  count(rows: readonly FoldedEvent[]): void {
    if (this.#config === false || this.#config.country === null) return;
    for (const { rule, client, count } of rows) {
      if (!isProbe(rule)) continue;
      const country = this.of(client).country ?? 'unknown';
      this.countries.set(country, count + (this.countries.get(country) ?? 0));
    }
  }

  /**
   * Prepares for another config. Unchanged settings mean that the same files are reread.
   *
   * @throws Error if a file of the other config can't be used; nothing has changed then
   */
  async prepare({ geo: next }: Config): Promise<PreparedPart> {
    if (isDeepStrictEqual(next, this.#config))
      return {
        commit: async () => {
          this.#origins?.reload();
          return async () => {};
        },
        abort: async () => {},
      };
    const opened = await openOrigins(next, this.#log);
    return {
      commit: async () => {
        const before = this.#origins;
        this.#origins = opened;
        this.#config = next;
        return async () => before?.close();
      },
      abort: async () => opened?.close(),
    };
  }

  close(): void {
    this.#origins?.close();
  }
}

async function openOrigins(geo: Config['geo'], log: Logger): Promise<Origins | null> {
  if (geo === false) return null;
  return Origins.open(geo, {
    onError: ({ message }) => log.error({ event: 'geo' }, message),
    onRead: (what) => log.info({ event: 'geo' }, what),
  });
}
