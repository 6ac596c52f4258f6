/** The frame of every page, and the choice of the view. */
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { languages } from '../words/language.ts';
import { api } from './api.ts';
import { choose, language, languageLetters, languageNames, t } from './language.ts';
import { type Live, useLive } from './live.ts';
import { rowId } from './parts/event-list.tsx';
import { Logo, ThemeIcon } from './parts/logo.tsx';
import { useResource } from './resource.ts';
import { closeEvent, href, type Route, useRoute } from './route.ts';
import { nextTheme, useTheme } from './theme.ts';
import { BansView } from './views/bans.tsx';
import { ClientView } from './views/client.tsx';
import { EventView } from './views/event.tsx';
import { EventsView } from './views/events.tsx';
import { HealthView } from './views/health.tsx';
import { NowView } from './views/now.tsx';
import { WantedView } from './views/wanted.tsx';
import { WhoView } from './views/who.tsx';

/** Milliseconds. */
const ranges = [15 * 60_000, 3_600_000, 6 * 3_600_000, 86_400_000, 7 * 86_400_000, 30 * 86_400_000] as const;

const day = 86_400_000;

const tabs = ['now', 'who', 'wanted', 'events', 'bans', 'health'] as const;

/** Views that have a time range. */
const ranged = new Set(['now', 'who', 'wanted', 'events']);

export interface ViewProps {
  readonly live: Live;
  /** Length of the range, milliseconds. */
  readonly range: number;
}

export function App(): JSX.Element {
  const route = useRoute();
  const live = useLive();
  const [chosen, setRange] = useState<number | null>(null);
  const fitting = useFittingRange(live);
  const range = chosen ?? fitting;
  const main = useRef<HTMLElement>(null);
  const view = route.view === 'event' ? 'events' : route.view === 'client' ? 'who' : route.view;
  const tab = tabs.find((one) => one === view);

  useEffect(() => {
    document.title = `${tab === undefined ? t.frame.notHere : t.frame.tabs[tab]} · Sekisho`;
  }, [tab]);
  useKeys();
  useFocus(route, main);

  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        {t.frame.toContent}
      </button>
      <Header live={live} view={view} />
      <main id="main" ref={main} tabIndex={-1}>
        {ranged.has(route.view) && <RangeChoice range={range} onChange={setRange} />}
        <View route={route} live={live} range={range} />
      </main>
    </>
  );
}

function View({ route: { view, id, query }, ...props }: ViewProps & { route: Route }): JSX.Element {
  switch (view) {
    case 'now':
      return <NowView {...props} />;
    case 'who':
      return <WhoView {...props} />;
    case 'wanted':
      return <WantedView {...props} />;
    case 'events':
      return <EventsView {...props} query={query} />;
    case 'event':
      return <EventView {...props} id={id} />;
    case 'client':
      return <ClientView {...props} id={decoded(id)} />;
    case 'bans':
      return <BansView {...props} />;
    case 'health':
      return <HealthView {...props} />;
    default:
      return (
        <section class="card">
          <h1>{t.frame.nothingHere}</h1>
          <p>
            <a href={href('now')}>{t.frame.backToNow}</a>
          </p>
        </section>
      );
  }
}

function Header({ live, view }: { live: Live; view: string }): JSX.Element {
  const [theme, setTheme] = useTheme();
  return (
    <header class="top">
      <a class="brand" href={href('now')}>
        <Logo />
        <span class="brand-name">Sekisho</span>
        {live.status !== null && <span class="brand-host">{live.status.name}</span>}
      </a>
      <nav class="tabs" aria-label={t.frame.views}>
        {tabs.map((name, index) => (
          <a
            key={name}
            href={href(name)}
            aria-current={view === name ? 'page' : undefined}
            aria-keyshortcuts={String(index + 1)}
            title={t.frame.key(index + 1)}
          >
            {t.frame.tabs[name]}
          </a>
        ))}
      </nav>
      <div class="tools">
        <Pulse live={live} />
        <button
          type="button"
          class="quiet"
          onClick={() => setTheme(nextTheme(theme))}
          aria-label={t.frame.theme(t.frame.themes[theme])}
          title={t.frame.themeHelp(t.frame.themes[theme])}
        >
          <ThemeIcon />
          <span class="tool-name">{t.frame.themes[theme]}</span>
        </button>
        <LanguageSwitch />
        <button type="button" class="quiet" onClick={logout}>
          {t.frame.logout}
        </button>
      </div>
    </header>
  );
}

interface RangeChoiceProps {
  readonly range: number;
  readonly onChange: (range: number) => void;
}

function RangeChoice({ range, onChange }: RangeChoiceProps): JSX.Element {
  return (
    <fieldset class="range">
      <legend class="hidden">{t.frame.range}</legend>
      {ranges.map((length, index) => (
        <label key={length}>
          <input type="radio" name="range" checked={range === length} onChange={() => onChange(length)} />
          <span>{t.frame.ranges[index]}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** Digits switch the view, Escape closes an event, `/` focuses the text filter of the events. */
function useKeys(): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const { target, key, ctrlKey, metaKey, altKey } = event;
      const typed = 'input:not([type=radio]), select, textarea, dialog';
      if (ctrlKey || metaKey || altKey || (target as HTMLElement).closest(typed)) return;
      const tab = tabs[Number(key) - 1];
      if (tab !== undefined) location.hash = href(tab);
      if (key === 'Escape' && location.hash.startsWith('#/event/')) closeEvent();
      if (key === '/') {
        event.preventDefault();
        const field = () => document.querySelector<HTMLInputElement>('#filter-text');
        if (field() === null) location.hash = href('events');
        else field()?.focus();
        // The view is rendered by then.
        setTimeout(() => field()?.focus(), 50);
      }
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
}

/** The default range: the shortest one that holds all probes, at most a day. Shortly after a start that is minutes. */
function useFittingRange(live: Live): number {
  const known = useResource((init) => api.summary(Date.now() - 60_000, init), [live.count > 0]);
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 60_000);
    return () => clearInterval(timer);
  }, []);
  const first = Math.min(...(known.data?.totals ?? []).map((total) => Date.parse(total.first)), now);
  const lengths = ranges.filter((length) => length <= day);
  return lengths.find((length) => length >= now - first) ?? day;
}

/** Returns malformed encoding unchanged. */
function decoded(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

/** Milliseconds to wait for the list to render after an event is closed. */
const listTime = 3000;

/**
 * The focus follows the navigation: into an event when it is opened, back to its line when it is closed. It stays where it is on an
 * element that stays, such as a tab.
 */
function useFocus({ view, id }: Route, main: { readonly current: HTMLElement | null }): void {
  const before = useRef({ view, id });
  useEffect(() => {
    const was = before.current;
    before.current = { view, id };
    if (was.view === view && was.id === id) return;
    scrollTo(0, 0);
    const lost = () => document.activeElement === document.body || document.activeElement === main.current;
    if (lost()) main.current?.focus({ preventScroll: true });
    if (was.view !== 'event' || view === 'event') return;
    const end = Date.now() + listTime;
    const timer = setInterval(() => {
      const row = document.getElementById(rowId(was.id));
      if (row !== null && lost()) row.focus();
      if (row !== null || Date.now() > end) clearInterval(timer);
    }, 50);
    return () => clearInterval(timer);
  }, [view, id]);
}

/** A button for each other language, in that language. */
const LanguageSwitch = (): JSX.Element => (
  <>
    {languages
      .filter((one) => one !== language)
      .map((one) => (
        <button
          key={one}
          type="button"
          class="quiet"
          lang={one}
          aria-label={languageNames[one]}
          title={languageNames[one]}
          onClick={() => choose(one)}
        >
          <span class="tool-name">{languageNames[one]}</span>
          <span class="tool-letter" aria-hidden="true">
            {languageLetters[one]}
          </span>
        </button>
      ))}
  </>
);

function Pulse({ live }: { live: Live }): JSX.Element {
  const { connected, status } = live;
  const trouble = status?.journal?.trouble ?? null;
  const [kind, words] = !connected
    ? ['off', t.frame.reconnecting]
    : trouble !== null
      ? ['off', t.frame.journalTrouble]
      : status?.ready === false
        ? ['off', t.frame.notReady]
        : ['on', t.frame.live];
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
