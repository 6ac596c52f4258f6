/** The frame: what stands on every page, and which page it is. */
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { api } from './api.ts';
import { type Live, useLive } from './live.ts';
import { Mark } from './parts/mark.tsx';
import { href, useRoute } from './route.ts';
import { nextTheme, type Theme, themeWords, useTheme } from './theme.ts';
import { BansView } from './views/bans.tsx';
import { EventView } from './views/event.tsx';
import { EventsView } from './views/events.tsx';
import { HealthView } from './views/health.tsx';
import { NowView } from './views/now.tsx';
import { WantedView } from './views/wanted.tsx';
import { WhoView } from './views/who.tsx';

export const ranges = [
  { name: '15 min', length: 15 * 60_000 },
  { name: '1 h', length: 3_600_000 },
  { name: '24 h', length: 86_400_000 },
  { name: '7 d', length: 7 * 86_400_000 },
  { name: '30 d', length: 30 * 86_400_000 },
] as const;

const tabs = [
  { view: 'now', name: 'Now' },
  { view: 'who', name: 'Who' },
  { view: 'wanted', name: 'Wanted' },
  { view: 'events', name: 'Events' },
  { view: 'bans', name: 'Bans' },
  { view: 'health', name: 'Health' },
] as const;

/** Views that a range of time says something to. */
const ranged = new Set(['now', 'who', 'wanted', 'events']);

export interface ViewProps {
  readonly live: Live;
  /** Length of the range, milliseconds. */
  readonly range: number;
}

export function App(): JSX.Element {
  const route = useRoute();
  const live = useLive();
  const [range, setRange] = useState<number>(ranges[2].length);
  const [theme, setTheme] = useTheme();
  const main = useRef<HTMLElement>(null);
  const view = route.view === 'event' ? 'events' : route.view;
  const tab = tabs.find((one) => one.view === view);

  useEffect(() => {
    document.title = `${tab?.name ?? 'Not here'} · Sekisho`;
  }, [tab]);

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const { target, key, ctrlKey, metaKey, altKey } = event;
      if (ctrlKey || metaKey || altKey || (target as HTMLElement).closest('input, select, textarea, dialog'))
        return;
      const chosen = tabs[Number(key) - 1];
      if (chosen !== undefined) location.hash = href(chosen.view);
      if (key === '/') {
        event.preventDefault();
        const field = document.querySelector<HTMLInputElement>('#filter-text');
        if (field === null) location.hash = href('events');
        else field.focus();
      }
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);

  const props = { live, range };
  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        To the content
      </button>
      <header class="top">
        <a class="brand" href={href('now')}>
          <Mark />
          <span class="brand-name">Sekisho</span>
          {live.status !== null && <span class="brand-host">{live.status.name}</span>}
        </a>
        <nav class="tabs" aria-label="Views">
          {tabs.map(({ view: name, name: words }) => (
            <a key={name} href={href(name)} aria-current={view === name ? 'page' : undefined}>
              {words}
            </a>
          ))}
        </nav>
        <div class="tools">
          <Pulse live={live} />
          <button
            type="button"
            class="quiet"
            onClick={() => setTheme(nextTheme(theme))}
            title="Change between light, dark and the system's choice"
          >
            {themeWords[theme satisfies Theme]}
          </button>
          <button type="button" class="quiet" onClick={logout}>
            Log out
          </button>
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        {ranged.has(route.view) && (
          <fieldset class="range">
            <legend class="hidden">Range of time</legend>
            {ranges.map(({ name, length }) => (
              <label key={name}>
                <input
                  type="radio"
                  name="range"
                  checked={range === length}
                  onChange={() => setRange(length)}
                />
                <span>{name}</span>
              </label>
            ))}
          </fieldset>
        )}
        {route.view === 'now' && <NowView {...props} />}
        {route.view === 'who' && <WhoView {...props} />}
        {route.view === 'wanted' && <WantedView {...props} />}
        {route.view === 'events' && <EventsView {...props} query={route.query} />}
        {route.view === 'event' && <EventView {...props} id={route.id} />}
        {route.view === 'bans' && <BansView {...props} />}
        {route.view === 'health' && <HealthView {...props} />}
        {tab === undefined && (
          <section class="card">
            <h1>There is nothing here</h1>
            <p>
              <a href={href('now')}>Back to what happens now</a>
            </p>
          </section>
        )}
      </main>
    </>
  );
}

function Pulse({ live }: { live: Live }): JSX.Element {
  const { connected, status } = live;
  const trouble = status?.journal?.trouble ?? null;
  const [kind, words] = !connected
    ? ['off', 'Reconnecting…']
    : trouble !== null
      ? ['off', 'Journal trouble']
      : status?.ready === false
        ? ['off', 'Not ready']
        : ['on', 'Live'];
  return (
    <span class={`pulse ${kind}`} role="status">
      {words}
    </span>
  );
}

async function logout(): Promise<void> {
  await api.logout().catch(() => {});
  location.reload();
}
