/** Who probes: the sources, and what is done about them. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { api, type SummaryAnswer } from '../api.ts';
import type { ViewProps } from '../app.tsx';
import { t } from '../language.ts';
import { BanButton, BanMark } from '../parts/ban.tsx';
import { Bars } from '../parts/bars.tsx';
import { ReportButton } from '../parts/report.tsx';
import { Empty, Loaded } from '../parts/states.tsx';
import { useResource } from '../resource.ts';
import { href } from '../route.ts';
import { amount, fullTime, networkOf, sourceText, techniqueWords, timeText } from '../words.ts';
import { useSummary } from './use-summary.ts';

/** Sources shown at first. */
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
                <table class="rows">
                  <thead>
                    <tr>
                      <th scope="col">{t.who.source}</th>
                      <th scope="col" class="number">
                        {t.who.probes}
                      </th>
                      <th scope="col">{t.who.last}</th>
                      <th scope="col">{t.who.wantedLast}</th>
                      <th scope="col">
                        <span class="hidden">{t.who.actions}</span>
                      </th>
                    </tr>
                  </thead>
                  <tbody>
                    {data.sources
                      .slice(0, all ? undefined : first)
                      .map(({ prefix, count, last, rule, why, bannedBy }) => (
                        <tr key={prefix}>
                          <th scope="row" data-label={t.who.source}>
                            {prefix === 'several' ? (
                              t.who.several
                            ) : (
                              <a href={href('client', {}, prefix)}>{sourceText(prefix)}</a>
                            )}
                            <BanMark prefix={prefix} by={bannedBy} />
                          </th>
                          <td class="number" data-label={t.who.probes}>
                            {amount(count)}
                            <span class="bar" aria-hidden="true">
                              <i style={{ width: `${(count / most) * 100}%` }} />
                            </span>
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
                                <ReportButton client={prefix} />
                                {!off && bannedBy !== 'list' && (
                                  <BanButton prefix={prefix} ban={bannedBy} onChange={reload} />
                                )}
                              </>
                            )}
                          </td>
                        </tr>
                      ))}
                  </tbody>
                </table>
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
      {(summary.data?.sources.length ?? 0) > 1 && <Networks sources={summary.data!.sources} />}
    </>
  );
}

/** Networks shown. */
const mostNetworks = 8;

/** Many clients next to each other are often one sender. */
function Networks({ sources }: { sources: SummaryAnswer['sources'] }): JSX.Element {
  const networks = new Map<string, { count: number; clients: number }>();
  for (const { prefix, count } of sources) {
    if (prefix === 'several') continue;
    const network = networkOf(prefix);
    const known = networks.get(network) ?? { count: 0, clients: 0 };
    networks.set(network, { count: known.count + count, clients: known.clients + 1 });
  }
  const ranked = [...networks].sort(([, a], [, b]) => b.count - a.count).slice(0, mostNetworks);
  return (
    <section class="card">
      <h2>{t.who.networks}</h2>
      <Bars
        bars={ranked.map(([network, { count, clients }]) => ({
          key: network,
          label: (
            <>
              {network} <small>{t.who.clients(clients)}</small>
            </>
          ),
          count,
          href: href('events', { client: network }),
        }))}
      />
    </section>
  );
}
