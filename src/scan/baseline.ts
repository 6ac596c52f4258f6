/** What the ordinary lines of a log reveal: the sizes of the server's own answers, and its names. */
import { type FallbackData, FallbackSizes } from './fallback-sizes.ts';
import { FrontPages, type FrontSize } from './front-pages.ts';
import { type NameCounts, NameTally } from './name-tally.ts';
import { type PackedSizes, PageSizes, pathHash } from './page-sizes.ts';
import { StatusSizes, type StatusSizesData } from './status-sizes.ts';

/** Plain data for another thread. */
export interface BaselineData {
  readonly front: readonly FrontSize[];
  readonly pages: PackedSizes;
  readonly heads: PackedSizes;
  readonly statuses: StatusSizesData;
  readonly fallback: FallbackData;
  readonly names: ReadonlyMap<string, NameCounts>;
  readonly upstreams: ReadonlyMap<string, number>;
}

const upstreamLimit = 1000;

/** The hash of `/`. */
const frontHash = pathHash('/');

export class Baseline {
  readonly front = new FrontPages();
  readonly statuses = new StatusSizes();
  readonly fallback = new FallbackSizes();
  readonly names = new NameTally();
  /** Upstreams of ordinary requests. */
  readonly upstreams = new Map<string, number>();
  readonly pages: PageSizes;
  /** Sizes of answers to HEAD, for logs that count header bytes: 256 paths. */
  readonly heads = new PageSizes(8);

  /** @param bits see `PageSizes` */
  constructor(bits = 17) {
    this.pages = new PageSizes(bits);
  }

  /**
   * Counts one ordinary answer.
   *
   * @param bytes -1 if not logged
   */
  add(isGet: boolean, isHead: boolean, path: number, status: number, bytes: number, seconds: number): void {
    this.statuses.add(status, bytes, isHead || status === 304);
    if (isHead && bytes > 0 && status >= 200 && status <= 299) this.heads.add(path, bytes, seconds);
    if (!isGet || bytes <= 0 || status < 200 || status > 299 || status === 206) return;
    if (path === frontHash) this.front.add(bytes, seconds);
    else this.pages.add(path, bytes, seconds);
    this.fallback.add(bytes, path);
  }

  addUpstream(upstream: string): void {
    const count = this.upstreams.get(upstream);
    if (count !== undefined || this.upstreams.size < upstreamLimit)
      this.upstreams.set(upstream, (count ?? 0) + 1);
  }

  merge(data: BaselineData): void {
    this.front.merge(data.front);
    this.pages.merge(PageSizes.unpack(data.pages));
    this.heads.merge(PageSizes.unpack(data.heads));
    this.statuses.merge(data.statuses);
    this.fallback.merge(data.fallback);
    this.names.merge(data.names);
    for (const [upstream, count] of data.upstreams) {
      this.upstreams.set(upstream, (this.upstreams.get(upstream) ?? 0) + count);
    }
  }

  pack(): BaselineData {
    return {
      front: this.front.all(),
      pages: this.pages.pack(),
      heads: this.heads.pack(),
      statuses: this.statuses.pack(),
      fallback: this.fallback.pack(),
      names: this.names.names,
      upstreams: this.upstreams,
    };
  }
}
