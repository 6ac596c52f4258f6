import type { Site } from './policy.ts';

export interface HostPattern {
  /** A canonical host, or `*.` and a canonical name. */
  readonly host: string;
  readonly site: Site;
}

/** A host in canonical spelling with nothing after it: what nearly every Host line holds. */
const canonical = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;

/** Finds the site of a host: exact names first, then the longest wildcard. Built once, read only. */
export class SiteTable {
  readonly #exact = new Map<string, Site>();
  readonly #wildcards = new Map<string, Site>();

  constructor(patterns: Iterable<HostPattern>) {
    for (const { host, site } of patterns) {
      if (host.startsWith('*.')) this.#wildcards.set(host.slice(2), site);
      else this.#exact.set(host, site);
    }
  }

  /** @param host canonical, without a port */
  find(host: string): Site | undefined {
    return this.#exact.get(host) ?? (this.#wildcards.size === 0 ? undefined : this.#findWildcard(host));
  }

  /**
   * The site of a Host line as it stands on the wire, if that is a canonical name without a port; undefined says only
   * that it must be parsed. Saves the parse for the common case.
   */
  findVerbatim(hostLine: string): Site | undefined {
    const site = this.#exact.get(hostLine);
    if (site !== undefined || this.#wildcards.size === 0) return site;
    return canonical.test(hostLine) ? this.#findWildcard(hostLine) : undefined;
  }

  #findWildcard(host: string): Site | undefined {
    for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      const site = this.#wildcards.get(host.slice(dot + 1));
      if (site !== undefined) return site;
    }
    return undefined;
  }
}
