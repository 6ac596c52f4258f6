/** The URL of a Valkey: a server, a cluster, or a master that Sentinels name. */

export interface ValkeyAddress {
  readonly kind: 'server' | 'cluster' | 'sentinel';
  readonly tls: boolean;
  /** The server; some nodes of the cluster; or the Sentinels. */
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  /** The name of the master for Sentinels; else empty. */
  readonly master: string;
  readonly username: string;
  readonly password: string;
  readonly database: number;
}

const form = /^(rediss?)(\+(?:cluster|sentinel))?:\/\/(?:([^@]*)@)?([^/?#]+)(?:\/([^?#]*))?$/;
const node = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,253}))(?::(\d{1,5}))?$/;

/**
 * Reads `redis://[USER[:PASSWORD]@]HOST[:PORT][/DB]`, `redis+cluster://…@HOST:PORT,HOST:PORT` and
 * `redis+sentinel://…@HOST:PORT,HOST:PORT/MASTER[/DB]`; `rediss` in place of `redis` for TLS.
 *
 * @returns what is wrong with the text, if it is no such URL
 */
export function readValkeyAddress(text: string): ValkeyAddress | string {
  const parts = form.exec(text);
  if (parts === null)
    return /^[a-z][a-z0-9+.-]*:/i.test(text) && !/^rediss?[+:]/.test(text)
      ? `has the scheme ${text.slice(0, text.indexOf(':') + 1)}`
      : 'is not the URL of a Valkey or Redis server';
  const [, scheme, way, user = '', hosts, path = ''] = parts;
  const kind = way === '+cluster' ? 'cluster' : way === '+sentinel' ? 'sentinel' : 'server';
  const standard = kind === 'sentinel' ? 26379 : 6379;
  const nodes: { host: string; port: number }[] = [];
  for (const one of hosts!.split(',')) {
    const found = node.exec(one);
    const port = Number(found?.[3] ?? standard);
    if (found === null || port < 1 || port > 65_535) return `names no host and port: ${one}`;
    nodes.push({ host: found[1] ?? found[2]!, port });
  }
  if (kind === 'server' && nodes.length > 1)
    return 'names several servers: write redis+cluster:// or redis+sentinel://';
  const [master, database = ''] = kind === 'sentinel' ? path.split('/') : ['', path];
  if (kind === 'sentinel' && !/^[A-Za-z0-9._-]{1,100}$/.test(master!))
    return 'lacks the name of the master after the Sentinels';
  if (!/^\d{0,5}$/.test(database) || (kind === 'cluster' && database !== ''))
    return 'has something other than a database number after the host';
  const colon = user.indexOf(':');
  try {
    return {
      kind,
      tls: scheme === 'rediss',
      nodes,
      master: master!,
      username: decodeURIComponent(colon === -1 ? user : user.slice(0, colon)),
      password: colon === -1 ? '' : decodeURIComponent(user.slice(colon + 1)),
      database: Number(database),
    };
  } catch {
    return 'has a % in user or password that starts no percent-encoding';
  }
}
