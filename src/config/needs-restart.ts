/** The settings of a changed config that need a restart, by name. */
import { isDeepStrictEqual } from 'node:util';
import type { SmtpOptions } from '../smtp/options.ts';
import type { Config, ListenerConfig } from './config.ts';

/** Built at start: listening sockets, processes, and hooks of every request. */
const ofTheStart = ['listen', 'via', 'timeouts', 'limits', 'otel', 'decoys', 'workers', 'log'] as const;

/** Without ordered certificates, which follow the sites in a reload too. */
const bound = ({ tls, ...rest }: ListenerConfig): object => ({
  ...rest,
  tls: tls?.filter(({ ordered }) => ordered !== true) ?? null,
});

export function needsRestart(running: Config, next: Config): string[] {
  const names: string[] = ofTheStart.filter((key) =>
    key === 'listen'
      ? !isDeepStrictEqual(running.listen.map(bound), next.listen.map(bound))
      : !isDeepStrictEqual(running[key], next[key]),
  );
  names.push(...mailRestart(running.smtp, next.smtp));
  if ((running.bans === false) !== (next.bans === false)) names.push('bans: false');
  if (orderedIn(running) !== orderedIn(next)) names.push('acme.folder');
  const [before, after] = [running.admin, next.admin];
  const sameAddress = before && after && before.listen.text === after.listen.text;
  if (sameAddress && (before.tls === null) !== (after.tls === null)) names.push('admin.tls');
  return names;
}

/** Listeners are given the folder of challenges at start. */
const orderedIn = ({ acme }: Config): string | null => acme?.folder ?? null;

/** Of the mail guard, only its addresses are bound at start. */
function mailRestart(running: Config['smtp'], next: Config['smtp']): string[] {
  if (running === false || next === false) return running === next ? [] : ['smtp'];
  const addresses = ({ listen }: SmtpOptions): string[] => listen.map(({ address }) => address).sort();
  return isDeepStrictEqual(addresses(running), addresses(next)) ? [] : ['smtp.listen'];
}

function mailInForce(running: Config['smtp'], next: Config['smtp']): Config['smtp'] {
  if (running === false || next === false) return running;
  return mailRestart(running, next).length === 0 ? next : { ...next, listen: running.listen };
}

/** The config in force after a reload with `next`: settings that need a restart keep their old value. */
export function inForce(running: Config, next: Config): Config {
  const bans = (running.bans === false) === (next.bans === false) ? next.bans : running.bans;
  const tls = needsRestart(running, next).includes('admin.tls');
  return {
    ...next,
    ...Object.fromEntries(ofTheStart.map((key) => [key, running[key]])),
    bans,
    acme: orderedIn(running) === orderedIn(next) ? next.acme : running.acme,
    smtp: mailInForce(running.smtp, next.smtp),
    admin: tls && next.admin && running.admin ? { ...next.admin, tls: running.admin.tls } : next.admin,
  };
}
