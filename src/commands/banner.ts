/** What `start` prints once it accepts: one line per listener on stdout for scripts, and a banner for people on a terminal. */
import type { Config } from '../config/config.ts';
import { plural } from '../plural.ts';

/** ANSI colours, for terminals only; the seal is sealing-wax red. */
const paint = (code: string) => (text: string) => `\x1b[${code}m${text}\x1b[0m`;
const seal = paint('97;48;5;124');
const dim = paint('2');
const bold = paint('1');

/** @param madeToken the admin token generated for this run; null if one is configured or there is no admin listener */
export function announce(listeners: readonly string[], madeToken: string | null, config: Config): void {
  for (const listener of listeners) process.stdout.write(`listening ${listener}\n`);
  const { stderr } = process;
  const people = stderr.isTTY && process.env.NO_COLOR === undefined && config.log.format !== 'json';
  if (people) stderr.write(banner(listeners, config));
  if (madeToken !== null) stderr.write(`admin token (generated for this run, shown once): ${madeToken}\n`);
}

/** Which hosts are guarded, by which policy, and where the dashboard is. */
export function banner(listeners: readonly string[], { sites, policy, bans }: Config): string {
  const hosts = sites.flatMap((site) => site.hosts.map(({ host }) => host));
  const shown = `${hosts.slice(0, 4).join(', ')}${hosts.length > 4 ? `, ${hosts.length - 4} more` : ''}`;
  const admin = listeners.find((listener) => listener.startsWith('admin '));
  return [
    '',
    `${seal(' 関所 ')} ${bold('sekisho')} ${dim('stands guard over')} ${shown}`,
    dim(
      `       preset ${policy.preset}, ${bans === false ? 'no bans' : `banned after ${plural(bans.after, 'probe')}`}`,
    ),
    ...(admin === undefined ? [] : [dim(`       watch at ${admin.slice('admin '.length)}`)]),
    '',
    '',
  ].join('\n');
}
