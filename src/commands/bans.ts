import { request } from 'undici';
import type { Ban as ShownBan } from '../../src/admin/status-types.ts';
import { hostPort } from '../address/host-port.ts';
import { loadConfig } from '../config/load.ts';
import type { BansOptions, Command } from './options.ts';

/** `sekisho bans`: asks a running gateway over its admin API. */
export const run: Command<BansOptions> = async (options) => {
  const { action, prefix = '', format, json = false } = options;
  const api = reach(options);
  switch (action) {
    case 'list': {
      if (format !== undefined) {
        process.stdout.write(await api.text('GET', `/api/bans?format=${format}`));
        return 0;
      }
      const { bans, total, listed } = await api.json<List>('GET', '/api/bans?limit=10000');
      for (const ban of bans) process.stdout.write(json ? `${JSON.stringify(ban)}\n` : line(ban));
      const more = total > bans.length ? `, of which the newest ${bans.length} are shown` : '';
      process.stderr.write(`${total} banned${more}; ${listed} more on imported lists\n`);
      return 0;
    }
    case 'add': {
      const { for: term, reason } = options;
      const { ban, note } = await api.json<{ ban: ShownBan; note?: string }>('POST', '/api/bans', {
        prefix,
        ...(term === undefined ? {} : { for: term }),
        ...(reason === undefined ? {} : { reason }),
      });
      process.stdout.write(json ? `${JSON.stringify(ban)}\n` : `banned ${line(ban)}`);
      if (note !== undefined) process.stderr.write(`note: ${note}\n`);
      return 0;
    }
    case 'remove': {
      const { ban } = await api.json<{ ban: ShownBan }>('DELETE', `/api/bans/${encodeURIComponent(prefix)}`);
      process.stdout.write(json ? `${JSON.stringify(ban)}\n` : `no longer banned: ${line(ban)}`);
      return 0;
    }
  }
};

interface List {
  readonly bans: readonly ShownBan[];
  readonly total: number;
  readonly listed: number;
}

const line = ({ prefix, until, by, reason, scope }: ShownBan): string =>
  `${prefix.padEnd(24)} ${until === null ? 'for ever'.padEnd(24) : until} ${by}: ${reason}${scope === 'mail' ? ' (from mail alone)' : ''}\n`;

interface Api {
  text(method: Method, path: string, body?: object): Promise<string>;
  json<T>(method: Method, path: string, body?: object): Promise<T>;
}
type Method = 'GET' | 'POST' | 'DELETE';

/** @throws Error where the gateway can't be reached, or says no, with what to do about it */
function reach({ config: file, admin: url }: BansOptions): Api {
  const admin = file === undefined ? null : loadConfig(file).admin;
  if (admin === false && url === undefined)
    throw new Error(`${file} has no admin listener: add admin: { listen: 127.0.0.1:9090 }`);
  const base = (url ?? (admin ? origin(admin.listen) : 'http://127.0.0.1:9090')).replace(/\/$/, '');
  const token = process.env.SEKISHO_TOKEN ?? (admin ? admin.token : null) ?? undefined;
  if (token === undefined)
    throw new Error(
      'no token: set SEKISHO_TOKEN to the one that was printed at start, or configure admin.token',
    );

  const text: Api['text'] = async (method, path, body) => {
    const answer = await request(`${base}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headersTimeout: 10_000,
      bodyTimeout: 30_000,
    }).catch((error: Error) => {
      throw new Error(
        `no answer from ${base}: ${error.message}. Is the gateway running, with an admin listener?`,
      );
    });
    const content = await answer.body.text();
    if (answer.statusCode === 401) throw new Error(`${base} does not know this token`);
    if (answer.statusCode >= 400) throw new Error(said(content) ?? `${base} answered ${answer.statusCode}`);
    return content;
  };
  return { text, json: async (...call) => JSON.parse(await text(...call)) };
}

/** The address to reach a listener by: one that listens everywhere is reached on the loopback. */
function origin({ host, port }: { host: string; port: number }): string {
  const reached = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${hostPort(reached, port)}`;
}

function said(content: string): string | undefined {
  try {
    const { error } = JSON.parse(content) as { error?: unknown };
    return typeof error === 'string' ? error : undefined;
  } catch {
    return undefined;
  }
}
