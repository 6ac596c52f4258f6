/** Where in the dashboard one is: kept in the fragment, so that back, forward and bookmarks work. */
import { useEffect, useState } from 'preact/hooks';
import { type Query, queryText } from './api.ts';

export interface Route {
  /** `now`, `who`, `wanted`, `events`, `event`, `client`, `bans`, `health`. */
  readonly view: string;
  /** Of `event`: its id; of `client`: its prefix, encoded. */
  readonly id: string;
  readonly query: Readonly<Record<string, string>>;
}

export function readRoute(hash: string): Route {
  const [, view = '', id = '', query = ''] = /^#?\/?([^/?]*)\/?([^?]*)\??(.*)$/s.exec(hash) ?? [];
  return { view: view === '' ? 'now' : view, id, query: Object.fromEntries(new URLSearchParams(query)) };
}

export const href = (view: string, query: Query = {}, id = ''): string =>
  `#/${view}${id === '' ? '' : `/${encodeURIComponent(id)}`}${queryText(query)}`;

let left: Route | null = null;

/** The filters of the list of events, as it was when an event of it was opened. */
export const leftList = (): Query => (left?.view === 'events' ? left.query : {});

/** Closes an event: back to where it was opened. */
export function closeEvent(): void {
  if (left === null) location.hash = href('events');
  else history.back();
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => readRoute(location.hash));
  useEffect(() => {
    let before = readRoute(location.hash);
    const onChange = () => {
      const now = readRoute(location.hash);
      if (now.view === 'event') left = before.view === 'event' ? left : before;
      before = now;
      setRoute(now);
    };
    addEventListener('hashchange', onChange);
    return () => removeEventListener('hashchange', onChange);
  }, []);
  return route;
}
