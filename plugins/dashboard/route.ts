/** Where in the dashboard one is: kept in the fragment, so that back, forward and bookmarks work. */
import { useEffect, useState } from 'preact/hooks';
import { type Query, queryText } from './api.ts';

export interface Route {
  /** `now`, `who`, `wanted`, `events`, `event`, `bans`, `health`. */
  readonly view: string;
  /** Of `event`: its id. */
  readonly id: string;
  readonly query: Readonly<Record<string, string>>;
}

export function readRoute(hash: string): Route {
  const [, view = '', id = '', query = ''] = /^#?\/?([^/?]*)\/?([^?]*)\??(.*)$/s.exec(hash) ?? [];
  return { view: view === '' ? 'now' : view, id, query: Object.fromEntries(new URLSearchParams(query)) };
}

export const href = (view: string, query: Query = {}, id = ''): string =>
  `#/${view}${id === '' ? '' : `/${encodeURIComponent(id)}`}${queryText(query)}`;

export function useRoute(): Route {
  const [route, setRoute] = useState(() => readRoute(location.hash));
  useEffect(() => {
    const onChange = () => setRoute(readRoute(location.hash));
    addEventListener('hashchange', onChange);
    return () => removeEventListener('hashchange', onChange);
  }, []);
  return route;
}
