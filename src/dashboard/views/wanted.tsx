/** What senders wanted: intents, techniques and destinations. */
import type { JSX } from 'preact';
import type { ViewProps } from '../app.tsx';
import { t } from '../language.ts';
import { Bars } from '../parts/bars.tsx';
import { Empty, Loaded } from '../parts/states.tsx';
import { TechniqueBars } from '../parts/technique-bars.tsx';
import { href } from '../route.ts';
import { intentWords } from '../words.ts';
import { useSummary } from './use-summary.ts';

export function WantedView(props: ViewProps): JSX.Element {
  const summary = useSummary(props);
  return (
    <>
      <h1 class="hidden">{t.wanted.title}</h1>
      <div class="columns">
        <section class="card">
          <h2>{t.wanted.after}</h2>
          <Loaded of={summary} lines={6}>
            {({ intents }) =>
              intents.length === 0 ? (
                <Empty title={t.wanted.nothing}>{t.wanted.nothingWhy}</Empty>
              ) : (
                <Bars
                  bars={intents.map(({ intent, count }) => ({
                    key: intent,
                    label: intentWords(intent),
                    count,
                    href: href('events', { intent }),
                  }))}
                />
              )
            }
          </Loaded>
        </section>
        <section class="card">
          <h2>{t.wanted.how}</h2>
          <Loaded of={summary} lines={6}>
            {({ rules }) =>
              rules.length === 0 ? <Empty title={t.wanted.notAtAll} /> : <TechniqueBars rules={rules} />
            }
          </Loaded>
        </section>
      </div>
      <section class="card">
        <h2>{t.wanted.whereTo}</h2>
        <p class="lead">{t.wanted.whereLead}</p>
        <Loaded of={summary} lines={8}>
          {({ destinations }) =>
            destinations.length === 0 ? (
              <Empty title={t.wanted.nowhere}>{t.wanted.nowhereWhy}</Empty>
            ) : (
              <Bars
                bars={destinations.map(({ destination, intent, count }) => ({
                  key: `${destination} ${intent}`,
                  label:
                    intent === null ? (
                      t.wanted.several
                    ) : (
                      <>
                        <code>{destination}</code> <small>{intentWords(intent)}</small>
                      </>
                    ),
                  count,
                  ...(intent === null ? {} : { href: href('events', { text: destination }) }),
                }))}
              />
            )
          }
        </Loaded>
      </section>
    </>
  );
}
