import { useEffect, useRef } from 'preact/hooks';
import { api, type SummaryAnswer } from '../api.ts';
import type { ViewProps } from '../app.tsx';
import { type Resource, useResource } from '../resource.ts';

/** Milliseconds between two looks at whether something came in, and between two summaries while nothing does. */
const look = 1500;
const calm = 30_000;

/** The counts of the range, kept up with the live feed. */
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
