/** What of a changed config a reload can't put in force, by name. */
import { isDeepStrictEqual } from 'node:util';
import type { Config } from './config.ts';

/** Bound or built at start: sockets of listeners that carry requests, processes, hooks of every request. */
const ofTheStart = [
  'listen',
  'via',
  'timeouts',
  'limits',
  'otel',
  'decoys',
  'smtp',
  'workers',
  'log',
] as const;

export function needsRestart(running: Config, next: Config): string[] {
  const names: string[] = ofTheStart.filter((key) => !isDeepStrictEqual(running[key], next[key]));
  if ((running.bans === false) !== (next.bans === false)) names.push('bans: false');
  const [before, after] = [running.admin, next.admin];
  const sameAddress = before && after && before.listen.text === after.listen.text;
  if (sameAddress && (before.tls === null) !== (after.tls === null)) names.push('admin.tls');
  return names;
}

/** What is in force once `next` has been put there, what only a restart can change being as it was. */
export function inForce(running: Config, next: Config): Config {
  const bans = (running.bans === false) === (next.bans === false) ? next.bans : running.bans;
  const tls = needsRestart(running, next).includes('admin.tls');
  return {
    ...next,
    ...Object.fromEntries(ofTheStart.map((key) => [key, running[key]])),
    bans,
    admin: tls && next.admin && running.admin ? { ...next.admin, tls: running.admin.tls } : next.admin,
  };
}
