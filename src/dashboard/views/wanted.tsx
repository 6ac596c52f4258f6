/** What the senders wanted: intents and destinations. */
import type { JSX } from 'preact';
import type { ViewProps } from '../app.tsx';
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
      <h1 class="hidden">Wanted</h1>
      <div class="columns">
        <section class="card">
          <h2>What they were after</h2>
          <Loaded of={summary} lines={6}>
            {({ intents }) =>
              intents.length === 0 ? (
                <Empty title="Nothing">No probe in the range chosen.</Empty>
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
          <h2>How they tried</h2>
          <Loaded of={summary} lines={6}>
            {({ rules }) =>
              rules.length === 0 ? <Empty title="Not at all" /> : <TechniqueBars rules={rules} />
            }
          </Loaded>
        </section>
      </div>
      <section class="card">
        <h2>Where to</h2>
        <p class="lead">Hosts that senders named. Nothing was ever sent there.</p>
        <Loaded of={summary} lines={8}>
          {({ destinations }) =>
            destinations.length === 0 ? (
              <Empty title="Nowhere">No probe named a destination.</Empty>
            ) : (
              <Bars
                bars={destinations.map(({ destination, intent, count }) => ({
                  key: `${destination} ${intent}`,
                  label:
                    intent === null ? (
                      'several others'
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
