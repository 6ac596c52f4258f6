/**
 * Bans on their way to the workers: many in one text, made once for all workers. Three hundred thousand come at once where a
 * gateway joins its fleet, and an object or a message for each would take half a minute.
 */
import { type Ban, banMakers } from '../../bans/ban.ts';

/** What a worker needs of them; the rest is the primary's affair. */
export const packBans = (bans: readonly Ban[]): string =>
  bans
    .map(({ prefix, until, changed, by }) => `${prefix} ${until} ${changed} ${banMakers.indexOf(by)}`)
    .join('\n');

export function* unpackBans(text: string): Generator<Ban> {
  for (const line of text.split('\n')) {
    const [prefix, until, changed, by] = line.split(' ') as [string, string, string, string];
    const maker = banMakers[Number(by)]!;
    yield {
      prefix,
      until: Number(until),
      changed: Number(changed),
      by: maker,
      since: 0,
      level: 1,
      reason: '',
    };
  }
}
