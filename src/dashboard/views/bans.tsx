/** The bans in force. */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { api } from '../api.ts';
import type { ViewProps } from '../app.tsx';
import { BanButton } from '../parts/ban.tsx';
import { Empty, Loaded } from '../parts/states.tsx';
import { useResource } from '../resource.ts';
import { href } from '../route.ts';
import { amount, fullTime, sourceText, spanText, timeText } from '../words.ts';

export function BansView({ live }: ViewProps): JSX.Element {
  const bans = useResource(api.bans, []);
  const { reload } = bans;
  useEffect(reload, [live.bans]);
  const left = (until: string | null) =>
    until === null ? 'for ever' : `${spanText(Date.parse(until) - Date.now())} left`;
  const heading = useRef<HTMLHeadingElement>(null);
  const unbanned = () => {
    reload();
    // The row goes, and the focus would go with it.
    heading.current?.focus();
  };
  return (
    <section class="card">
      <div class="card-head">
        <h1 ref={heading} tabIndex={-1}>
          Bans
        </h1>
        {bans.data !== null && bans.data.off !== true && <BanButton prefix="" ban={null} onChange={reload} />}
      </div>
      <Loaded of={bans}>
        {(data) => (
          <>
            {data.listed > 0 && (
              <p class="lead">{amount(data.listed)} more prefixes are banned by imported lists.</p>
            )}
            {data.off === true ? (
              <Empty title="Bans are off">`bans: false` stands in the config.</Empty>
            ) : data.bans.length === 0 ? (
              <Empty title="Nobody is banned">
                Who keeps probing is banned by itself, and shows up here.
              </Empty>
            ) : (
              <table class="rows">
                <thead>
                  <tr>
                    <th scope="col">Prefix</th>
                    <th scope="col">Until</th>
                    <th scope="col">Since</th>
                    <th scope="col">Why</th>
                    <th scope="col">
                      <span class="hidden">Actions</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {data.bans.map(({ prefix, since, until, level, by, reason }) => (
                    <tr key={prefix}>
                      <th scope="row" data-label="Prefix">
                        <a href={href('events', { client: prefix })}>{sourceText(prefix)}</a>
                      </th>
                      <td data-label="Until">
                        <span class="whole" title={until === null ? '' : fullTime(until)}>
                          {left(until)}
                        </span>
                      </td>
                      <td data-label="Since">
                        <time dateTime={since} title={fullTime(since)}>
                          {timeText(since)}
                        </time>
                      </td>
                      <td class="wide" data-label="Why">
                        <span>
                          {reason === '' || reason === 'banned by an operator' ? '' : reason}{' '}
                          <small>
                            by {by === 'operator' ? 'an operator' : 'its probes'}
                            {level > 1 && `, ban number ${level}`}
                          </small>
                        </span>
                      </td>
                      <td class="actions">
                        <BanButton prefix={prefix} ban={prefix} onChange={unbanned} />
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            )}
            {data.total > data.bans.length && (
              <p class="lead">
                The newest {amount(data.bans.length)} of {amount(data.total)}.
              </p>
            )}
          </>
        )}
      </Loaded>
    </section>
  );
}
