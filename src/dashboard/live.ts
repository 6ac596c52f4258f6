/** The live feed, shared by all views. */
import { useEffect, useState } from 'preact/hooks';
import { api, type LiveEvent, type Status } from './api.ts';
import { connected } from './resource.ts';

export interface Live {
  readonly connected: boolean;
  /** Newest first, bounded. */
  readonly events: readonly LiveEvent[];
  /** Probes since the page was opened. */
  readonly count: number;
  readonly status: Status | null;
  /** Incremented by every ban and unban. */
  readonly bans: number;
  /** Incremented when a backend is ejected or healthy again. */
  readonly backends: number;
}

const kept = 60;
/** Milliseconds before a refused feed is requested again. */
const retry = 3000;

export function useLive(): Live {
  const [live, setLive] = useState<Live>({
    connected: false,
    events: [],
    count: 0,
    status: null,
    bans: 0,
    backends: 0,
  });
  useEffect(() => {
    let source = listen(setLive, refused);
    let timer: ReturnType<typeof setTimeout> | undefined;
    /** EventSource does not reconnect after a refusal: the session has ended, or there are too many listeners. */
    function refused(): void {
      timer = setTimeout(() => {
        // If the session has ended, this leads to the login page.
        void api.status({ signal: new AbortController().signal }).catch(() => {});
        source = listen(setLive, refused);
      }, retry);
    }
    return () => {
      clearTimeout(timer);
      source.close();
    };
  }, []);
  return live;
}

function listen(setLive: (change: (was: Live) => Live) => void, onRefused: () => void): EventSource {
  const source = new EventSource('/api/stream');
  const on = (name: string, take: (was: Live, data: unknown) => Live) =>
    source.addEventListener(name, (event) => {
      const data: unknown = JSON.parse((event as MessageEvent<string>).data);
      setLive((was) => take(was, data));
    });
  source.onopen = () => {
    setLive((was) => ({ ...was, connected: true }));
    dispatchEvent(new Event(connected));
  };
  source.onerror = () => {
    setLive((was) => ({ ...was, connected: false }));
    if (source.readyState === EventSource.CLOSED) onRefused();
  };
  on('probes', (was, data) => {
    const { total, events } = data as { total: number; events: LiveEvent[] };
    return { ...was, count: was.count + total, events: merged(was.events, events) };
  });
  on('status', (was, data) => ({ ...was, status: data as Status }));
  on('bans', (was) => ({ ...was, bans: was.bans + 1 }));
  on('backends', (was) => ({ ...was, backends: was.backends + 1 }));
  return source;
}

/** A row that got more events is sent again under its id with the new count: add it up, and move the row to the top. */
function merged(known: readonly LiveEvent[], news: readonly LiveEvent[]): LiveEvent[] {
  const list = [...known];
  for (const event of news) {
    const at = event.id === null ? -1 : list.findIndex(({ id }) => id === event.id);
    const earlier = at === -1 ? undefined : list.splice(at, 1)[0];
    list.unshift(
      earlier === undefined ? event : { ...event, time: earlier.time, count: earlier.count + event.count },
    );
  }
  return list.slice(0, kept);
}
