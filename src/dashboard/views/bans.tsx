/** The bans in force. */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { api, type BansAnswer } from '../api.ts';
import type { ViewProps } from '../app.tsx';
import { t } from '../language.ts';
import { BanButton } from '../parts/ban.tsx';
import { Empty, Loaded } from '../parts/states.tsx';
import { useResource } from '../resource.ts';
import { href } from '../route.ts';
import { amount, fullTime, sourceText, spanText, timeText } from '../words.ts';

export function BansView({ live }: ViewProps): JSX.Element {
  const bans = useResource(api.bans, []);
  const { reload } = bans;
  useEffect(reload, [live.bans]);
  const heading = useRef<HTMLHeadingElement>(null);
  const unbanned = () => {
    reload();
    // The row disappears, and the focus with it: move the focus to the heading.
    heading.current?.focus();
  };
  return (
    <section class="card">
      <div class="card-head">
        <h1 ref={heading} tabIndex={-1}>
          {t.bans.title}
        </h1>
        {bans.data !== null && bans.data.off !== true && <BanButton prefix="" ban={null} onChange={reload} />}
      </div>
      <Loaded of={bans}>
        {(data) => (
          <>
            {data.listed > 0 && <p class="lead">{t.bans.listed(data.listed)}</p>}
            {data.off === true ? (
              <Empty title={t.bans.off}>{t.bans.offWhy}</Empty>
            ) : data.bans.length === 0 ? (
              <Empty title={t.bans.nobody}>{t.bans.nobodyWhy}</Empty>
            ) : (
              <BanTable bans={data.bans} onUnban={unbanned} />
            )}
            {data.total > data.bans.length && (
              <p class="lead">{t.bans.newest(amount(data.bans.length), amount(data.total))}</p>
            )}
          </>
        )}
      </Loaded>
    </section>
  );
}

const left = (until: string | null): string =>
  until === null ? t.bans.forEver : t.bans.left(spanText(Date.parse(until) - Date.now()));

function BanTable({ bans, onUnban }: { bans: BansAnswer['bans']; onUnban: () => void }): JSX.Element {
  return (
    <table class="rows">
      <thead>
        <tr>
          <th scope="col">{t.bans.prefix}</th>
          <th scope="col">{t.bans.until}</th>
          <th scope="col">{t.bans.since}</th>
          <th scope="col">{t.bans.why}</th>
          <th scope="col">
            <span class="hidden">{t.bans.actions}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {bans.map(({ prefix, since, until, level, by, reason }) => (
          <tr key={prefix}>
            <th scope="row" data-label={t.bans.prefix}>
              <a href={href('events', { client: sourceText(prefix) })}>{sourceText(prefix)}</a>
            </th>
            <td data-label={t.bans.until}>
              <span class="whole" title={until === null ? '' : fullTime(until)}>
                {left(until)}
              </span>
            </td>
            <td data-label={t.bans.since}>
              <time dateTime={since} title={fullTime(since)}>
                {timeText(since)}
              </time>
            </td>
            <td class="wide" data-label={t.bans.why}>
              <span>
                {reason === '' || reason === 'banned by an operator' ? '' : reason}{' '}
                <small>
                  {by === 'operator' ? t.bans.byOperator : t.bans.byProbes}
                  {level > 1 && t.bans.level(level)}
                </small>
              </span>
            </td>
            <td class="actions">
              <BanButton prefix={prefix} ban={prefix} onChange={onUnban} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
