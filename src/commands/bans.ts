import type { Ban as ShownBan } from '../admin/status-types.ts';
import { reach } from './gateway-api.ts';
import type { BansOptions, Command } from './options.ts';

/** `sekisho bans`: lists and changes the bans of a running gateway, over its admin API. */
export const run: Command<BansOptions> = async (options) => {
  const { action, prefix = '', format, json = false } = options;
  const api = reach(options);
  switch (action) {
    case 'list': {
      if (format !== undefined) {
        process.stdout.write(await api.ask('GET', `/api/bans?format=${format}`));
        return 0;
      }
      const { bans, total, listed } = await api.json<List>('GET', '/api/bans?limit=10000');
      for (const ban of bans) process.stdout.write(json ? `${JSON.stringify(ban)}\n` : line(ban));
      const more = total > bans.length ? `, the newest ${bans.length} shown` : '';
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
  `${prefix.padEnd(24)} ${until === null ? 'for ever'.padEnd(24) : until} ${by}: ${reason}${scope === 'mail' ? ' (mail only)' : ''}\n`;
