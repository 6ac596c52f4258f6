/** The route is in the URL fragment, so that back, forward and bookmarks work. */
import { useEffect, useState } from 'preact/hooks';
import { type Query, queryText } from './api.ts';

export interface Route {
  /** `now`, `who`, `wanted`, `events`, `event`, `client`, `bans`, `health`. */
  readonly view: string;
  /** Id of an `event`; prefix of a `client`, encoded. */
  readonly id: string;
  readonly query: Readonly<Record<string, string>>;
}

export function readRoute(hash: string): Route {
  const [, view = '', id = '', query = ''] = /^#?\/?([^/?]*)\/?([^?]*)\??(.*)$/s.exec(hash) ?? [];
  return { view: view === '' ? 'now' : view, id, query: Object.fromEntries(new URLSearchParams(query)) };
}

export const href = (view: string, query: Query = {}, id = ''): string =>
  `#/${view}${id === '' ? '' : `/${encodeURIComponent(id)}`}${queryText(query)}`;

/** The route an event was opened from. */
let opener: Route | null = null;

/** The filters of the event list when an event was opened from it. */
export const listFilters = (): Query => (opener?.view === 'events' ? opener.query : {});

/** Closes an event: back to where it was opened. */
export function closeEvent(): void {
  if (opener === null) location.hash = href('events');
  else history.back();
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => readRoute(location.hash));
  useEffect(() => {
    let before = readRoute(location.hash);
    const onChange = () => {
      const now = readRoute(location.hash);
      if (now.view === 'event') opener = before.view === 'event' ? opener : before;
      before = now;
      setRoute(now);
    };
    addEventListener('hashchange', onChange);
    return () => removeEventListener('hashchange', onChange);
  }, []);
  return route;
}
