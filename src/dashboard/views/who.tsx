/** The sources of probes: clients, networks, providers, countries. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { api, type OriginsAnswer, type SummaryAnswer } from '../api.ts';
import type { ViewProps } from '../app.tsx';
import { say, t } from '../language.ts';
import { BanButton, BanMark } from '../parts/ban.tsx';
import { Bars } from '../parts/bars.tsx';
import { ReportButton } from '../parts/report.tsx';
import { Empty, Loaded } from '../parts/states.tsx';
import { World } from '../parts/world.tsx';
import { useResource } from '../resource.ts';
import { href } from '../route.ts';
import { amount, fullTime, originText, sourceText, techniqueWords, timeText } from '../words.ts';
import { useSummary } from './use-summary.ts';

/** Sources shown before a click on "all". */
const first = 15;

export function WhoView(props: ViewProps): JSX.Element {
  const summary = useSummary(props);
  const status = useResource(api.status, []);
  const off = (props.live.status ?? status.data)?.bans === null;
  const { reload } = summary;
  useEffect(reload, [props.live.bans]);
  const [all, setAll] = useState(false);
  const most = Math.max(1, ...(summary.data?.sources ?? []).map(({ count }) => count));

  return (
    <>
      <section class="card">
        <h1>{t.who.title}</h1>
        <p class="lead">{t.who.lead}</p>
        <Loaded of={summary} lines={8}>
          {(data) =>
            data.sources.length === 0 ? (
              <Empty title={t.who.nobody}>{t.who.nobodyWhy}</Empty>
            ) : (
              <>
                <SourceTable
                  sources={data.sources.slice(0, all ? undefined : first)}
                  most={most}
                  off={off}
                  onChange={reload}
                />
                {!all && data.sources.length > first && (
                  <p class="more">
                    <button type="button" onClick={() => setAll(true)}>
                      {t.who.all(data.sources.length)}
                    </button>
                  </p>
                )}
              </>
            )
          }
        </Loaded>
      </section>
      {(summary.data?.sources.length ?? 0) > 0 && <Origins summary={summary.data!} range={props.range} />}
    </>
  );
}

type Source = SummaryAnswer['sources'][number];

interface SourceTableProps {
  readonly sources: readonly Source[];
  /** Count of the busiest source, which gets the longest bar. */
  readonly most: number;
  /** Bans are off. */
  readonly off: boolean;
  readonly onChange: () => void;
}

function SourceTable({ sources, ...rest }: SourceTableProps): JSX.Element {
  return (
    <table class="rows">
      <thead>
        <tr>
          <th scope="col">{t.who.source}</th>
          <th scope="col" class="number">
            {t.who.probes}
          </th>
          <th scope="col">{t.who.first}</th>
          <th scope="col">{t.who.last}</th>
          <th scope="col">{t.who.wantedLast}</th>
          <th scope="col">
            <span class="hidden">{t.who.actions}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {sources.map((source) => (
          <SourceRow key={source.prefix} source={source} {...rest} />
        ))}
      </tbody>
    </table>
  );
}

function SourceRow({
  source,
  most,
  off,
  onChange,
}: Omit<SourceTableProps, 'sources'> & { source: Source }): JSX.Element {
  const { prefix, count, first: seen, last, rule, why, bannedBy, ...origin } = source;
  return (
    <tr>
      <th scope="row" data-label={t.who.source}>
        {prefix === 'several' ? t.who.several : <a href={href('client', {}, prefix)}>{sourceText(prefix)}</a>}
        <BanMark prefix={prefix} by={bannedBy} />
        {originText(origin) !== '' && <small class="origin">{originText(origin)}</small>}
      </th>
      <td class="number" data-label={t.who.probes}>
        {amount(count)}
        <span class="bar" aria-hidden="true">
          <i style={{ width: `${(count / most) * 100}%` }} />
        </span>
      </td>
      <td data-label={t.who.first}>
        {seen !== null && (
          <time dateTime={seen} title={fullTime(seen)}>
            {timeText(seen)}
          </time>
        )}
      </td>
      <td data-label={t.who.last}>
        <time dateTime={last} title={fullTime(last)}>
          {timeText(last)}
        </time>
      </td>
      <td class="wide" data-label={t.who.wanted}>
        <span>
          {why === null ? '—' : t.event.wanted(why, rule ?? '', null)}{' '}
          {rule !== null && (
            <a class="tag" href={href('events', { rule })} title={techniqueWords(rule)}>
              {rule}
            </a>
          )}
        </span>
      </td>
      <td class="actions">
        {prefix !== 'several' && (
          <>
            <ReportButton client={sourceText(prefix)} />
            {!off && bannedBy !== 'list' && <BanButton prefix={prefix} ban={bannedBy} onChange={onChange} />}
          </>
        )}
      </td>
    </tr>
  );
}

/** Most entries of each list. */
const mostOrigins = 10;

/** The networks of all sources, and their countries and providers. */
function Origins({ summary, range }: { summary: SummaryAnswer; range: number }): JSX.Element {
  const origins = useResource((init) => api.origins(Date.now() - range, init), [range]);
  const { reload } = origins;
  useEffect(reload, [summary.total]);
  const amountOf = (clients: number) => <small>{t.who.clients(clients)}</small>;
  return (
    <>
      <section class="card">
        <h2>{t.who.networks}</h2>
        <p class="lead">{t.who.networksLead}</p>
        {origins.data?.cut === true && <p class="lead">{t.who.cut(origins.data.clients)}</p>}
        <Loaded of={origins}>
          {({ networks, others }) => (
            <Bars
              bars={[
                ...networks.slice(0, mostOrigins).map(({ prefix, clients, count, ...origin }) => ({
                  key: prefix,
                  label: (
                    <>
                      {prefix} {amountOf(clients)}{' '}
                      <small>{originText(origin) === '' ? '' : `· ${originText(origin)}`}</small>
                    </>
                  ),
                  count,
                  href: href('events', { client: prefix }),
                })),
                ...(others.count === 0 ? [] : [{ key: '', label: t.who.others, count: others.count }]),
              ]}
            />
          )}
        </Loaded>
      </section>
      {origins.data !== null && <ByFile origins={origins.data} amountOf={amountOf} />}
    </>
  );
}

/** Countries and providers, if `geo` names files for them. */
function ByFile({
  origins: { countries, systems },
  amountOf,
}: {
  origins: OriginsAnswer;
  amountOf: (clients: number) => JSX.Element;
}): JSX.Element {
  if (countries.length + systems.length === 0) return <p class="lead">{t.who.nowhere}</p>;
  return (
    <>
      {countries.some(({ country }) => country !== null) && (
        <section class="card">
          <h2>{t.who.map}</h2>
          <World countries={countries} />
        </section>
      )}
      <div class="columns">
        {countries.length > 0 && (
          <section class="card">
            <h2>{t.who.countries}</h2>
            <p class="lead">{t.who.countriesLead}</p>
            <Bars
              bars={countries.slice(0, mostOrigins).map(({ country, clients, count }) => ({
                key: country ?? '',
                label: (
                  <>
                    {country === null ? t.who.unknownCountry : say.country(country)} {amountOf(clients)}
                  </>
                ),
                count,
              }))}
            />
          </section>
        )}
        {systems.length > 0 && (
          <section class="card">
            <h2>{t.who.systems}</h2>
            <p class="lead">{t.who.systemsLead}</p>
            <Bars
              bars={systems.slice(0, mostOrigins).map(({ asn, network, clients, count }) => ({
                key: String(asn),
                label: (
                  <>
                    {originText({ country: null, asn, network })} {amountOf(clients)}
                  </>
                ),
                count,
              }))}
            />
          </section>
        )}
      </div>
    </>
  );
}
