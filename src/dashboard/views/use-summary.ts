import { useEffect, useRef } from 'preact/hooks';
import { api, type SummaryAnswer } from '../api.ts';
import type { ViewProps } from '../app.tsx';
import { type Resource, useResource } from '../resource.ts';

/** Milliseconds between two checks for new probes. */
const look = 1500;
/** Milliseconds between two summaries while there are none. */
const calm = 30_000;

/** The counts of the range, reloaded when the live feed brings probes. */
export function useSummary({ live, range }: ViewProps): Resource<SummaryAnswer> {
  const summary = useResource((init) => api.summary(Date.now() - range, init), [range]);
  const { reload } = summary;
  const count = useRef(live.count);
  count.current = live.count;
  useEffect(() => {
    let seen = count.current;
    let last = Date.now();
    const timer = setInterval(() => {
      if (count.current === seen && Date.now() - last < calm) return;
      seen = count.current;
      last = Date.now();
      reload();
    }, look);
    return () => clearInterval(timer);
  }, [reload]);
  return summary;
}
