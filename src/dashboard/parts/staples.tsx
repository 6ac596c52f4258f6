/** OCSP responses of must-staple certificates: until when they are valid, and problems with getting them. */
import type { JSX } from 'preact';
import type { Status } from '../api.ts';
import { t } from '../language.ts';
import { fullTime, spanText } from '../words.ts';

type Staple = Status['ocsp'][number];

export function Staples({ of }: { of: readonly Staple[] }): JSX.Element {
  return (
    <section class="card">
      <h2>{t.health.staples}</h2>
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">{t.health.host}</th>
            <th scope="col">{t.health.state}</th>
            <th scope="col">{t.health.ends}</th>
            <th scope="col">{t.health.fetched}</th>
          </tr>
        </thead>
        <tbody>
          {of.map((staple) => (
            <tr key={staple.serial}>
              <th scope="row" data-label={t.health.host}>
                {staple.host} ({staple.key.toUpperCase()})
              </th>
              <td data-label={t.health.state}>
                <State {...staple} />
              </td>
              <td data-label={t.health.ends}>{staple.until === null ? '' : fullTime(staple.until)}</td>
              <td data-label={t.health.fetched}>{staple.fetched === null ? '' : fullTime(staple.fetched)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function State({ until, trouble }: Staple): JSX.Element {
  const left = until === null ? null : Date.parse(until) - Date.now();
  const look = left === null || left <= 0 ? 'block' : trouble !== null ? 'flag' : 'allow';
  const text =
    left === null ? t.health.noResponse : left <= 0 ? t.health.ended : t.health.goodFor(spanText(left));
  return (
    <>
      <span class={`fate ${look}`}>{text}</span>
      {trouble !== null && <p class="inline-trouble">{trouble}</p>}
    </>
  );
}
