/** OCSP responses of must-staple certificates: until when they are valid, and problems with getting them. */
import type { JSX } from 'preact';
import type { Status } from '../api.ts';
import { t } from '../language.ts';
import { fullTime } from '../words.ts';
import { Validity } from './validity.tsx';

export function Staples({ of }: { of: Status['ocsp'] }): JSX.Element {
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
                <Validity until={staple.until} none={t.health.noResponse} trouble={staple.trouble} />
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
