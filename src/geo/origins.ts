/** Looks up country and network of addresses in local MMDB files, which are reloaded when they change. */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { Reader, Response } from 'mmdb-lib';
import { FileWatch } from '../file-watch.ts';
import { withPackages } from '../optional-package.ts';
import { type GeoKind, geoFileFault } from './geo-file.ts';
import type { Origin, OriginOf } from './origin.ts';

/** Absolute paths; null: not configured. */
export type GeoFiles = Readonly<Record<GeoKind, string | null>>;

export interface OriginEvents {
  /** A file can't be used; the message says how to fix it. A database loaded before stays in use. */
  readonly onError: (error: Error) => void;
  /** @param what such as `geo.country is GeoLite2-Country of 2026-11-03` */
  readonly onRead: (what: string) => void;
}

interface Database {
  readonly reader: Reader<Response>;
  /** Damage has been reported already. */
  damaged: boolean;
}

/** Poll interval of the files, milliseconds. */
const lookEvery = 5000;
const kinds: readonly GeoKind[] = ['country', 'asn'];

export class Origins {
  readonly #files: GeoFiles;
  readonly #events: OriginEvents;
  readonly #databases = new Map<GeoKind, Database>();
  readonly #watch: FileWatch;

  /**
   * @param interval milliseconds between two polls
   * @throws Error if a file can't be used; the message says how to fix it
   */
  static async open(files: GeoFiles, events: OriginEvents, interval = lookEvery): Promise<Origins> {
    // Loaded only if such files are configured.
    const { Reader } = await withPackages('geo', () => import('mmdb-lib'));
    return new Origins(files, events, (bytes) => new Reader(bytes), interval);
  }

  private constructor(
    files: GeoFiles,
    events: OriginEvents,
    makeReader: (bytes: Buffer) => Reader<Response>,
    interval: number,
  ) {
    this.#files = files;
    this.#events = events;
    this.#makeReader = makeReader;
    this.#watch = new FileWatch(
      kinds.map((kind) => files[kind]).filter((file) => file !== null),
      () => this.reload(),
    );
    for (const kind of kinds) this.#read(kind);
    this.#watch.start(interval);
  }

  readonly #makeReader: (bytes: Buffer) => Reader<Response>;

  /** Never throws. */
  readonly of: OriginOf = (address) => {
    const country = this.#find('country', address);
    const { asn, network } = networkOf(this.#find('asn', address));
    return { country: countryOf(country), asn, network };
  };

  /** Reads the files again. One that can't be used is reported, and the database loaded before stays in use. */
  reload(): void {
    for (const kind of kinds) {
      try {
        this.#read(kind);
      } catch (error) {
        this.#events.onError(error as Error);
      }
    }
  }

  close(): void {
    this.#watch.close();
  }

  #read(kind: GeoKind): void {
    const file = this.#files[kind];
    if (file === null) return;
    const fault = geoFileFault(file, kind);
    if (fault !== null) throw new Error(`geo.${kind}: ${file} ${fault.message}: ${fault.fix}`);
    try {
      const reader = this.#makeReader(readFileSync(file));
      this.#databases.set(kind, { reader, damaged: false });
      const { databaseType, buildEpoch } = reader.metadata;
      this.#events.onRead(`geo.${kind} is ${databaseType} of ${buildEpoch.toISOString().slice(0, 10)}`);
    } catch (cause) {
      throw damage(kind, file, cause);
    }
  }

  #find(kind: GeoKind, address: string): Fields {
    const database = this.#databases.get(kind);
    const version = isIP(address);
    if (database === undefined || version === 0) return {};
    const { reader } = database;
    // In an IPv4 tree the first bits of an IPv6 address would match an unrelated network.
    if (version === 6 && reader.metadata.ipVersion === 4) return {};
    try {
      return (reader.get(address) ?? {}) as Fields;
    } catch (error) {
      if (!database.damaged) this.#events.onError(damage(kind, this.#files[kind]!, error));
      database.damaged = true;
      return {};
    }
  }
}

const damage = (kind: GeoKind, file: string, cause: unknown): Error =>
  new Error(`geo.${kind}: ${file} is damaged (${(cause as Error).message}): download it again`, { cause });

/** The fields of a record, in the naming of several vendors. */
interface Fields {
  readonly country?: unknown;
  readonly registered_country?: unknown;
  readonly country_code?: unknown;
  readonly autonomous_system_number?: unknown;
  readonly autonomous_system_organization?: unknown;
  readonly asn?: unknown;
  readonly as_name?: unknown;
}

/** GeoLite2 and DB-IP: `country.iso_code`; IPinfo: `country_code`. Two letters, so that metrics have at most 676 countries. */
function countryOf({ country, registered_country, country_code }: Fields): string | null {
  const codes = [country, registered_country].map((one) => (one as { iso_code?: unknown })?.iso_code);
  const code = [...codes, country_code, country].find((one) => typeof one === 'string');
  return typeof code === 'string' && /^[A-Z]{2}$/.test(code) ? code : null;
}

/** GeoLite2 and DB-IP: `autonomous_system_…`; IPinfo: `asn: AS64500`, `as_name`. */
function networkOf(fields: Fields): Pick<Origin, 'asn' | 'network'> {
  const number = Number(String(fields.autonomous_system_number ?? fields.asn ?? '').replace(/^AS/, ''));
  const name = fields.autonomous_system_organization ?? fields.as_name;
  return {
    asn: Number.isSafeInteger(number) && number > 0 ? number : null,
    network: typeof name === 'string' && name !== '' ? name.replace(/\p{Cc}/gu, ' ').slice(0, 100) : null,
  };
}
