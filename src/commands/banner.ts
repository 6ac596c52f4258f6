/** What `start` says once it accepts: for scripts a line a listener on stdout, for people on a terminal a few words more. */
import type { Config } from '../config/config.ts';
import { plural } from '../plural.ts';

/** Sealing-wax red, dim, bold; only where a person reads. */
const paint = (code: string) => (text: string) => `\x1b[${code}m${text}\x1b[0m`;
const seal = paint('97;48;5;124');
const dim = paint('2');
const bold = paint('1');

/** @param madeToken the admin token made for this run; null where one is configured, or there is no admin listener */
export function announce(listeners: readonly string[], madeToken: string | null, config: Config): void {
  for (const listener of listeners) process.stdout.write(`listening ${listener}\n`);
  const { stderr } = process;
  const people = stderr.isTTY && process.env.NO_COLOR === undefined && config.log.format !== 'json';
  if (people) stderr.write(banner(listeners, config));
  if (madeToken !== null) stderr.write(`admin token (made for this run, shown once): ${madeToken}\n`);
}

/** A short one: what is guarded, by which policy, and where to look. */
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
