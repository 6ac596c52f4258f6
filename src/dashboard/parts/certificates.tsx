/** Certificates ordered by ACME: expiry, next order, and problems. */
import type { JSX } from 'preact';
import type { Status } from '../api.ts';
import { t } from '../language.ts';
import { fullTime } from '../words.ts';
import { Validity } from './validity.tsx';

/** Milliseconds before expiry when it is marked. */
const soon = 14 * 24 * 3_600_000;

export function Certificates({ of }: { of: NonNullable<Status['certificates']> }): JSX.Element {
  return (
    <section class="card">
      <h2>{t.health.certificates}</h2>
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">{t.health.host}</th>
            <th scope="col">{t.health.state}</th>
            <th scope="col">{t.health.ends}</th>
            <th scope="col">{t.health.next}</th>
          </tr>
        </thead>
        <tbody>
          {of.map(({ host, notAfter, next, trouble }) => (
            <tr key={host}>
              <th scope="row" data-label={t.health.host}>
                {host}
              </th>
              <td data-label={t.health.state}>
                <Validity until={notAfter} soon={soon} none={t.health.noCertificate} trouble={trouble} />
              </td>
              <td data-label={t.health.ends}>{notAfter === null ? '' : fullTime(notAfter)}</td>
              <td data-label={t.health.next}>{fullTime(next)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
