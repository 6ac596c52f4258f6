/** The metrics of a ban ledger, for the admin listener and for the metrics plugin. */
import type { ExtraMetric } from './metrics.ts';

export interface BanCounts {
  readonly active: number;
  readonly listed: number;
  /** Records dropped for lack of room, since the start. */
  readonly evicted: number;
}

/** @param counts null: bans are off */
export function banMetrics(counts: () => BanCounts | null): ExtraMetric[] {
  const samples = (name: keyof BanCounts): ExtraMetric['samples'] => {
    return () => {
      const now = counts();
      return now === null ? [] : [[{}, now[name]]];
    };
  };
  return [
    { name: 'bans', help: 'Prefixes banned now.', type: 'gauge', samples: samples('active') },
    { name: 'bans_listed', help: 'Prefixes on imported lists.', type: 'gauge', samples: samples('listed') },
    {
      name: 'ban_records_evicted_total',
      help: 'Ban records dropped because the table was full.',
      type: 'counter',
      samples: samples('evicted'),
    },
  ];
}
