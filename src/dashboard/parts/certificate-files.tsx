/** Certificate files that cannot be used; the certificates before them are shown to clients. */
import type { JSX } from 'preact';
import type { Status } from '../api.ts';
import { t } from '../language.ts';

export function CertificateFiles({ of }: { of: Status['certificateFiles'] }): JSX.Element {
  return (
    <section class="card">
      <h2>{t.health.badFiles}</h2>
      <dl class="facts">
        {of.map(({ file, trouble }) => (
          <>
            <dt>{file}</dt>
            <dd>
              <strong class="inline-trouble">{trouble}</strong>
            </dd>
          </>
        ))}
      </dl>
    </section>
  );
}
