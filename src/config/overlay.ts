/** The flags of `start`, which replace settings of the file. */
export interface Overlay {
  /** Replaces `listen`. */
  readonly listen?: readonly string[] | undefined;
  /** Replaces the hosts; with `backend` one site of these hosts replaces all sites. */
  readonly host?: readonly string[] | undefined;
  /** Replaces the backends; with `host` one site replaces all sites. */
  readonly backend?: readonly string[] | undefined;
  /** Replaces `admin.listen`; a token in the file is kept. */
  readonly admin?: string | undefined;
}

export interface Overlaid {
  readonly document: unknown;
  /** Path → flag: a fault in a value from the command line names the flag, not the file. */
  readonly flags: ReadonlyMap<string, string>;
}

/** Lays the flags over a document before it is validated, so that their values are checked like those of the file. */
export function applyOverlay(document: unknown, { listen, host, backend, admin }: Overlay): Overlaid {
  if (document === null || typeof document !== 'object' || Array.isArray(document))
    return { document, flags: new Map() };
  const copy: Record<string, unknown> = { ...document };
  const flags = new Map<string, string>();
  const hosts = host?.length ? [...host] : undefined;
  const backends = backend?.length ? backend.map((url) => ({ url })) : undefined;
  if (listen?.length) {
    copy.listen = [...listen];
    flags.set('listen', '--listen');
  }
  if (hosts !== undefined || backends !== undefined) {
    const sites = Array.isArray(copy.sites) ? (copy.sites as unknown[]) : [];
    // With only one of the two flags, the other value comes from the only site of the file.
    const base =
      hosts !== undefined && backends !== undefined
        ? {}
        : sites.length === 1
          ? { ...(sites[0] as object) }
          : {};
    const site: Record<string, unknown> = { ...base };
    if (hosts !== undefined) site.hosts = hosts;
    if (backends !== undefined) {
      delete site.backend;
      site.backends = backends;
    }
    copy.sites = [site];
    if (hosts !== undefined || !('hosts' in site)) flags.set('sites[0].hosts', '--host');
    if (backends !== undefined || !('backend' in site || 'backends' in site)) {
      flags.set('sites[0].backend', '--backend');
      flags.set('sites[0].backends', '--backend');
    }
  }
  if (admin !== undefined) {
    const file = copy.admin;
    copy.admin = { ...(typeof file === 'object' ? file : {}), listen: admin };
    flags.set('admin.listen', '--admin');
  }
  return { document: copy, flags };
}
