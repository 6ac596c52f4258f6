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
import { useResource } from '../resource.ts';
import { href } from '../route.ts';
import { intentWords, techniqueWords } from '../words.ts';

type Props = ViewProps & { readonly query: Readonly<Record<string, string>> };

export function EventsView({ live, range, query }: Props): JSX.Element {
  const rules = useResource(api.rules, []);
  const page = useResource(
    (init) => api.events({ ...query, from: Date.now() - range, limit: 100 }, init),
    [query, range],
  );
  const [more, setMore] = useState<{ events: ApiEvent[]; next: string | null; cut: boolean } | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [seen, setSeen] = useState(live.count);
  const key = JSON.stringify([query, range]);
  useEffect(() => {
    setMore(null);
    setSeen(live.count);
  }, [key]);

  const next = more === null ? page.data?.next : more.next;
  const cut = more === null ? page.data?.cut === true : more.cut;
  async function older(): Promise<void> {
    try {
      const answer = await api.events(
        { ...query, from: Date.now() - range, limit: 100, before: next ?? undefined },
        new AbortController(),
      );
      setMore({ events: [...(more?.events ?? []), ...answer.events], next: answer.next, cut: answer.cut });
      setError(null);
    } catch (problem) {
      setError((problem as Error).message);
    }
  }
  function refresh(): void {
    setMore(null);
    setSeen(live.count);
    page.reload();
  }

  const set = (name: string, value: string) => {
    location.hash = href('events', { ...query, [name]: value });
  };
  /** A word half typed is no place to come back to. */
  const type = (name: string, value: string) => location.replace(href('events', { ...query, [name]: value }));
  const filtered = Object.values(query).some((value) => value !== '');
  const unseen = live.count - seen;
  const exported = (format: string) =>
    `/api/export${queryText({ ...query, from: Date.now() - range, format })}`;
  return (
    <section class="card">
      <div class="card-head">
        <h1>{t.events.title}</h1>
        <span class="exports">
          {t.events.export}{' '}
          <a href={exported('csv')} download>
            CSV
          </a>{' '}
          <a href={exported('json')} download>
            JSON
          </a>
          <br />
          <ShareLinks from={Date.now() - range} />
        </span>
      </div>
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
            {(rules.data?.rules.map(({ id }) => id) ?? (query.rule ? [query.rule] : [])).map((id) => (
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
        {filtered && (
          <a class="clear" href={href('events')}>
            {t.events.clear}
          </a>
        )}
      </search>
      <div class="fresh" role="status">
        {unseen > 0 && (
          <button type="button" onClick={refresh}>
            {t.events.fresh(unseen)}
          </button>
        )}
      </div>
      <Loaded of={page} lines={10}>
        {({ events }) =>
          events.length === 0 ? (
            <Empty title={t.events.none}>{filtered ? t.events.noneFiltered : t.events.noneRange}</Empty>
          ) : (
            <>
              <EventList events={[...events, ...(more?.events ?? [])]} />
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
                  <button type="button" onClick={older}>
                    {t.events.older}
                  </button>
                </p>
              )}
            </>
          )
        }
      </Loaded>
    </section>
  );
}
