/** The start page: headline, figures, chart, live events. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { api, type LiveEvent, type SummaryAnswer } from '../api.ts';
import type { ViewProps } from '../app.tsx';
import { headline } from '../headline.ts';
import { t } from '../language.ts';
import { Bars } from '../parts/bars.tsx';
import { Chart } from '../parts/chart.tsx';
import { CopyLine } from '../parts/copy-line.tsx';
import { EventList } from '../parts/event-list.tsx';
import { Empty, Loaded } from '../parts/states.tsx';
import { useResource } from '../resource.ts';
import { href } from '../route.ts';
import { amount, intentWords, short, sourceText, timeText } from '../words.ts';
import { useSummary } from './use-summary.ts';

const shown = 14;

export function NowView(props: ViewProps): JSX.Element {
  const { live, range } = props;
  const summary = useSummary(props);
  const status = useResource(api.status, []);
  const earlier = useResource((init) => api.events({ limit: shown }, init), []);
  const known = live.status ?? status.data;
  const [held, setHeld] = useState<readonly LiveEvent[] | null>(null);
  const ids = new Set(live.events.map(({ id }) => id));
  const feed = [...live.events, ...(earlier.data?.events ?? []).filter(({ id }) => !ids.has(id))].slice(
    0,
    shown,
  );
  const events = held ?? feed;

  useEffect(() => {
    if (status.error !== null) setHeld(null);
  }, [status.error]);

  return (
    <>
      <h1 class="headline">{summary.data === null ? t.now.title : headline(summary.data, range)}</h1>
      <section class="figures" aria-label={t.now.glance}>
        <Figure
          name={t.now.inRange}
          value={summary.data === null ? '…' : short(summary.data.total)}
          strong={(summary.data?.total ?? 0) > 0}
        />
        <Figure name={t.now.blocked} value={countOf(summary.data, 'block')} />
        <Figure
          name={t.now.flagged}
          value={countOf(summary.data, 'flag')}
          link={href('events', { action: 'flag' })}
        />
        <Figure
          name={t.now.served}
          value={known === null ? '…' : short(known.requests.allow)}
          {...(known === null ? {} : { note: t.now.since(timeText(known.started)) })}
        />
        <Figure
          name={t.now.bannedNow}
          value={known === null ? '…' : known.bans === null ? t.now.off : short(known.bans)}
          link={href('bans')}
          {...(summary.data === null || summary.data.banned === 0
            ? {}
            : { note: t.now.bannedRequests(short(summary.data.banned)) })}
        />
      </section>

      <section class="card">
        <h2>{t.now.byRule}</h2>
        <Loaded of={summary} lines={7}>
          {(data) => (data.total === 0 ? <Quiet summary={data} /> : <Chart summary={data} />)}
        </Loaded>
      </section>

      <section class="card">
        <div class="card-head">
          <h2>{t.now.feed}</h2>
          <button type="button" class="small" onClick={() => setHeld(held === null ? feed : null)}>
            {held === null ? t.now.pause : t.now.goOn}
          </button>
        </div>
        <div aria-live="off">
          {events.length > 0 ? (
            <EventList events={events} />
          ) : (
            <Loaded of={earlier}>{() => <Empty title={t.now.nothingYet}>{t.now.firstShows}</Empty>}</Loaded>
          )}
        </div>
        <p class="more">
          <a href={href('events')}>{t.now.allEvents}</a>
        </p>
      </section>

      {summary.data?.total !== 0 && (
        <div class="columns">
          <section class="card">
            <h2>{t.now.who}</h2>
            <Loaded of={summary}>{(data) => <Sources data={data} />}</Loaded>
          </section>
          <section class="card">
            <h2>{t.now.after}</h2>
            <Loaded of={summary}>{(data) => <Intents data={data} />}</Loaded>
          </section>
        </div>
      )}
    </>
  );
}

/** No probes in the range. If there never were any, it shows a command that sends one. */
function Quiet({ summary }: { summary: SummaryAnswer }): JSX.Element {
  const status = useResource(api.status, []);
  if (summary.totals.length > 0 || status.data === null)
    return <Empty title={t.now.quiet}>{t.now.quietRange}</Empty>;
  const { knock } = status.data;
  return (
    <>
      <Empty title={t.now.quiet}>
        {t.now.quietEver}
        {knock !== null && t.now.knock}
      </Empty>
      {knock !== null && <CopyLine text={knock} label={t.now.knockLabel} />}
    </>
  );
}

const countOf = (summary: SummaryAnswer | null, wanted: string): string =>
  summary === null
    ? '…'
    : short(summary.rules.reduce((sum, { action, count }) => sum + (action === wanted ? count : 0), 0));

function Figure({
  name,
  value,
  note,
  link,
  strong = false,
}: {
  name: string;
  value: string;
  note?: string;
  link?: string;
  strong?: boolean;
}): JSX.Element {
  return (
    <div class={`figure ${strong ? 'strong' : ''}`}>
      <span class="figure-value">{link === undefined ? value : <a href={link}>{value}</a>}</span>
      <span class="figure-name">
        {name}
        {note !== undefined && <small> {note}</small>}
      </span>
    </div>
  );
}

const Sources = ({ data }: { data: SummaryAnswer }): JSX.Element =>
  data.sources.length === 0 ? (
    <Empty title={t.now.nobody} />
  ) : (
    <>
      <Bars
        bars={data.sources.slice(0, 6).map(({ prefix, count }) => ({
          key: prefix,
          label: sourceText(prefix),
          count,
          href: prefix === 'several' ? href('who') : href('client', {}, prefix),
        }))}
      />
      <p class="more">
        <a href={href('who')}>
          {data.sources.length > 6 ? t.now.all(amount(data.sources.length)) : t.now.moreAbout}
        </a>
      </p>
    </>
  );

const Intents = ({ data }: { data: SummaryAnswer }): JSX.Element =>
  data.intents.length === 0 ? (
    <Empty title={t.now.nothing} />
  ) : (
    <>
      <Bars
        bars={data.intents.map(({ intent, count }) => ({
          key: intent,
          label: intentWords(intent),
          count,
          href: href('events', { intent }),
        }))}
      />
      <p class="more">
        <a href={href('wanted')}>{t.now.whereTo}</a>
      </p>
    </>
  );
