import type { Site } from './policy.ts';

export interface HostPattern {
  /** A canonical host, or `*.` and a canonical name. */
  readonly host: string;
  readonly site: Site;
}

/** A host in canonical spelling without a port: nearly every Host line. */
const canonical = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;

const longestName = 253;

/** Finds the site of a host: exact names first, then the longest wildcard. Built once, read only. */
export class SiteTable {
  readonly #exact = new Map<string, Site>();
  readonly #wildcards = new Map<string, Site>();
  /** Host lines that need no parsing: exact names, alone and with the port of a listener. */
  readonly #verbatim = new Map<string, Site>();

  /** @param ports those that Host lines usually have after the name: the ports of listeners, except 80 and 443 */
  constructor(patterns: Iterable<HostPattern>, ports: Iterable<number> = []) {
    for (const { host, site } of patterns) {
      if (host.startsWith('*.')) {
        this.#wildcards.set(host.slice(2), site);
        continue;
      }
      this.#exact.set(host, site);
      this.#verbatim.set(host, site);
    }
    for (const port of ports) this.addUsualPort(port);
  }

  /** Adds the port of a listener, which Host lines usually have after the name. */
  addUsualPort(port: number): void {
    for (const [host, site] of this.#exact) this.#verbatim.set(`${host}:${port}`, site);
  }

  /** @param host canonical, without a port */
  find(host: string): Site | undefined {
    return this.#exact.get(host) ?? (this.#wildcards.size === 0 ? undefined : this.#findWildcard(host));
  }

  /**
   * The site of a Host line as sent, if it is a canonical name, without a port or with a usual one;
   * undefined says only that the line must be parsed. Saves the parse in the common case.
   */
  findVerbatim(hostLine: string): Site | undefined {
    const site = this.#verbatim.get(hostLine);
    if (site !== undefined || this.#wildcards.size === 0) return site;
    return this.#findWildcard(hostLine);
  }

  /** Plain names only. RFC 3986 section 3.2.2 allows `a;b` and `a,b` in a host, which a backend may read as two field values. */
  #findWildcard(host: string): Site | undefined {
    // One look-up per label, so longer hosts than a name can be (RFC 1035 section 2.3.4) are not looked up.
    if (host.length > longestName || !canonical.test(host)) return undefined;
    for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      const site = this.#wildcards.get(host.slice(dot + 1));
      if (site !== undefined) return site;
    }
    return undefined;
  }
}
