/** Every event, and the filters to find one. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { type ApiEvent, api, queryText } from '../api.ts';
import type { ViewProps } from '../app.tsx';
import { t } from '../language.ts';
import { EventList } from '../parts/event-list.tsx';
import { FilterField } from '../parts/filter-field.tsx';
import { ShareLinks } from '../parts/report.tsx';
import { Empty, Loaded } from '../parts/states.tsx';
import { type Resource, useResource } from '../resource.ts';
import { href } from '../route.ts';
import { intentWords, techniqueWords } from '../words.ts';

type Filters = Readonly<Record<string, string>>;

interface EventPage {
  readonly events: readonly ApiEvent[];
  readonly next: string | null;
  readonly cut: boolean;
}

interface EventPages {
  readonly first: Resource<EventPage>;
  /** Events of the further pages. */
  readonly more: readonly ApiEvent[];
  readonly next: string | null | undefined;
  readonly cut: boolean;
  /** Why the last page could not be loaded. */
  readonly error: string | null;
  loadOlder(): Promise<void>;
  /** Forgets the further pages. */
  reset(): void;
}

function usePages(query: Filters, range: number): EventPages {
  const load = (before: string | null | undefined, init: { signal: AbortSignal }) =>
    api.events({ ...query, from: Date.now() - range, limit: 100, before: before ?? undefined }, init);
  const first = useResource((init) => load(null, init), [query, range]);
  const [more, setMore] = useState<EventPage | null>(null);
  const [error, setError] = useState<string | null>(null);
  const { events, next, cut } = more ?? {
    events: [],
    next: first.data?.next,
    cut: first.data?.cut === true,
  };
  async function loadOlder(): Promise<void> {
    try {
      const page = await load(next, new AbortController());
      setMore({ ...page, events: [...events, ...page.events] });
      setError(null);
    } catch (problem) {
      setError((problem as Error).message);
    }
  }
  return { first, more: events, next, cut, error, loadOlder, reset: () => setMore(null) };
}

export function EventsView({ live, range, query }: ViewProps & { readonly query: Filters }): JSX.Element {
  const pages = usePages(query, range);
  const [seen, setSeen] = useState(live.count);
  const reset = () => {
    pages.reset();
    setSeen(live.count);
  };
  useEffect(reset, [JSON.stringify([query, range])]);
  const unseen = live.count - seen;
  return (
    <section class="card">
      <div class="card-head">
        <h1>{t.events.title}</h1>
        <Exports query={query} range={range} />
      </div>
      <FilterBar query={query} />
      <div class="fresh" role="status">
        {unseen > 0 && (
          <button
            type="button"
            onClick={() => {
              reset();
              pages.first.reload();
            }}
          >
            {t.events.fresh(unseen)}
          </button>
        )}
      </div>
      <Loaded of={pages.first} lines={10}>
        {({ events }) =>
          events.length === 0 ? (
            <Empty title={t.events.none}>
              {isFiltered(query) ? t.events.noneFiltered : t.events.noneRange}
            </Empty>
          ) : (
            <>
              <EventList events={[...events, ...pages.more]} />
              <Older pages={pages} />
            </>
          )
        }
      </Loaded>
    </section>
  );
}

const isFiltered = (query: Filters): boolean => Object.values(query).some((value) => value !== '');

function Exports({ query, range }: { query: Filters; range: number }): JSX.Element {
  const from = Date.now() - range;
  const file = (format: string) => `/api/export${queryText({ ...query, from, format })}`;
  return (
    <span class="exports">
      {t.events.export}{' '}
      <a href={file('csv')} download>
        CSV
      </a>{' '}
      <a href={file('json')} download>
        JSON
      </a>
      <br />
      <ShareLinks from={from} />
    </span>
  );
}

function FilterBar({ query }: { query: Filters }): JSX.Element {
  const rules = useResource(api.rules, []);
  const set = (name: string, value: string) => {
    location.hash = href('events', { ...query, [name]: value });
  };
  /** Without a history entry: "back" should not lead to a half-typed word. */
  const type = (name: string, value: string) => location.replace(href('events', { ...query, [name]: value }));
  const ruleIds = rules.data?.rules.map(({ id }) => id) ?? (query.rule ? [query.rule] : []);
  return (
    <search class="filters" aria-label={t.events.filter}>
      <FilterField
        label={t.events.words}
        id="filter-text"
        value={query.text ?? ''}
        placeholder={t.events.wordsHint}
        onCommit={(value) => type('text', value)}
      />
      <FilterField
        label={t.events.client}
        value={query.client ?? ''}
        placeholder={t.events.clientHint}
        onCommit={(value) => type('client', value)}
      />
      <label class="field">
        {t.events.rule}
        <select value={query.rule ?? ''} onChange={(event) => set('rule', event.currentTarget.value)}>
          <option value="">{t.events.any}</option>
          {ruleIds.map((id) => (
            <option key={id} value={id}>
              {id}: {techniqueWords(id)}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        {t.events.after}
        <select value={query.intent ?? ''} onChange={(event) => set('intent', event.currentTarget.value)}>
          <option value="">{t.events.anything}</option>
          {Object.keys(t.intents).map((id) => (
            <option key={id} value={id}>
              {intentWords(id)}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        {t.events.fate}
        <select value={query.action ?? ''} onChange={(event) => set('action', event.currentTarget.value)}>
          <option value="">{t.events.either}</option>
          <option value="block">{t.actions.block}</option>
          <option value="flag">{t.actions.flag}</option>
        </select>
      </label>
      {isFiltered(query) && (
        <a class="clear" href={href('events')}>
          {t.events.clear}
        </a>
      )}
    </search>
  );
}

function Older({ pages: { error, cut, next, loadOlder } }: { pages: EventPages }): JSX.Element {
  return (
    <>
      {error !== null && (
        <p class="inline-trouble" role="alert">
          {error}
        </p>
      )}
      {cut && (
        <p class="note" role="status">
          {t.events.cut}
        </p>
      )}
      {next != null && (
        <p class="more">
          <button type="button" onClick={loadOlder}>
            {t.events.older}
          </button>
        </p>
      )}
    </>
  );
}
