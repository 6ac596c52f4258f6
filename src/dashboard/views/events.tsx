/** Every event, and the filters to find one. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { type ApiEvent, api, queryText } from '../api.ts';
import type { ViewProps } from '../app.tsx';
import { EventList } from '../parts/event-list.tsx';
import { FilterField } from '../parts/filter-field.tsx';
import { Empty, Loaded } from '../parts/states.tsx';
import { useResource } from '../resource.ts';
import { href } from '../route.ts';
import { techniqueWords } from '../techniques.ts';
import { intentWords } from '../words.ts';

const intents = [
  'proxy-judge',
  'mail-relay',
  'metadata',
  'private-network',
  'loopback',
  'chat-relay',
  'turn-relay',
  'sip-relay',
  'stream-relay',
  'cache-manager',
  'socks-bind',
  'udp-relay',
  'vpn-relay',
  'remote-login',
  'mail-access',
  'third-party-attack',
  'web',
];

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
        <h1>Events</h1>
        <span class="exports">
          Export{' '}
          <a href={exported('csv')} download>
            CSV
          </a>{' '}
          <a href={exported('json')} download>
            JSON
          </a>
        </span>
      </div>
      <search class="filters" aria-label="Filter events">
        <FilterField
          label="Words"
          id="filter-text"
          value={query.text ?? ''}
          placeholder="host, path …  ( / )"
          onCommit={(value) => type('text', value)}
        />
        <FilterField
          label="Client"
          value={query.client ?? ''}
          placeholder="address or prefix"
          onCommit={(value) => type('client', value)}
        />
        <label class="field">
          Rule
          <select value={query.rule ?? ''} onChange={(event) => set('rule', event.currentTarget.value)}>
            <option value="">any</option>
            {(rules.data?.rules.map(({ id }) => id) ?? (query.rule ? [query.rule] : [])).map((id) => (
              <option key={id} value={id}>
                {id}: {techniqueWords(id)}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          After
          <select value={query.intent ?? ''} onChange={(event) => set('intent', event.currentTarget.value)}>
            <option value="">anything</option>
            {intents.map((id) => (
              <option key={id} value={id}>
                {intentWords(id)}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          Fate
          <select value={query.action ?? ''} onChange={(event) => set('action', event.currentTarget.value)}>
            <option value="">either</option>
            <option value="block">turned away</option>
            <option value="flag">passed, flagged</option>
          </select>
        </label>
        {filtered && (
          <a class="clear" href={href('events')}>
            Clear
          </a>
        )}
      </search>
      <div class="fresh" role="status">
        {unseen > 0 && (
          <button type="button" onClick={refresh}>
            {unseen === 1 ? '1 new probe' : `${unseen} new probes`}
          </button>
        )}
      </div>
      <Loaded of={page} lines={10}>
        {({ events }) =>
          events.length === 0 ? (
            <Empty title="No such event">
              {filtered
                ? 'Choose a longer range of time, or fewer filters.'
                : 'No probe came in the range chosen.'}
            </Empty>
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
                  The search was ended for its time. What is older was not looked at yet.
                </p>
              )}
              {next != null && (
                <p class="more">
                  <button type="button" onClick={older}>
                    Older ones
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
