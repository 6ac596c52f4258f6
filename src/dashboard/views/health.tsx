/** The state of this gateway, its backends, its certificates and its fleet. */
import type { ComponentChildren, JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { api, type Status } from '../api.ts';
import type { ViewProps } from '../app.tsx';
import { t } from '../language.ts';
import { CertificateFiles } from '../parts/certificate-files.tsx';
import { Certificates } from '../parts/certificates.tsx';
import { Staples } from '../parts/staples.tsx';
import { Empty, Loaded } from '../parts/states.tsx';
import { useResource } from '../resource.ts';
import { amount, fullTime, sizeText, spanText } from '../words.ts';

/** Milliseconds. */
const refresh = 5000;
const looks = { unknown: 'flag', healthy: 'allow', failing: 'flag', ejected: 'block' } as const;

export function HealthView({ live }: ViewProps): JSX.Element {
  const backends = useResource(api.backends, []);
  const status = useResource(api.status, []);
  const known = live.status ?? status.data;
  const { reload } = backends;
  useEffect(() => {
    const timer = setInterval(reload, refresh);
    return () => clearInterval(timer);
  }, [reload]);
  useEffect(reload, [live.backends]);
  return (
    <>
      <h1 class="hidden">{t.health.title}</h1>
      <section class="card">
        <h2>{t.health.backends}</h2>
        <Loaded of={backends}>
          {(data) =>
            data.backends.length === 0 ? (
              <Empty title={t.health.none}>{t.health.noneWhy}</Empty>
            ) : (
              <table class="rows">
                <thead>
                  <tr>
                    <th scope="col">{t.health.backend}</th>
                    <th scope="col">{t.health.state}</th>
                    <th scope="col" class="number">
                      {t.health.load}
                    </th>
                    <th scope="col" class="number">
                      {t.health.weight}
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {data.backends.map(({ name, state, load, weight }, index) => (
                    <tr key={`${name} ${index}`}>
                      <th scope="row" data-label={t.health.backend}>
                        {name}
                      </th>
                      <td data-label={t.health.state}>
                        <span class={`fate ${looks[state]}`}>{t.health.states[state]}</span>
                      </td>
                      <td class="number" data-label={t.health.load}>
                        {amount(load)}
                      </td>
                      <td class="number" data-label={t.health.weight}>
                        {weight}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            )
          }
        </Loaded>
      </section>
      {known?.certificates != null && <Certificates of={known.certificates} />}
      {known !== null && known.certificateFiles.length > 0 && (
        <CertificateFiles of={known.certificateFiles} />
      )}
      {known !== null && known.ocsp.length > 0 && <Staples of={known.ocsp} />}
      {known?.fleet != null && <FleetCard />}
      <section class="card">
        <h2>{t.health.checkpoint}</h2>
        {known === null ? <Loaded of={status}>{() => null}</Loaded> : <Checkpoint status={known} />}
      </section>
    </>
  );
}

function FleetCard(): JSX.Element {
  const fleet = useResource(api.fleet, []);
  const { reload } = fleet;
  useEffect(() => {
    const timer = setInterval(reload, refresh);
    return () => clearInterval(timer);
  }, [reload]);
  return (
    <section class="card">
      <h2>{t.health.fleet}</h2>
      <Loaded of={fleet}>
        {({ fleet: own, gateways }) => (
          <>
            {own !== null && own.why !== '' && <p class="inline-trouble">{own.why}</p>}
            {own !== null && own.progress !== null && (
              <p class="lead">{t.health.merging(Math.round(own.progress * 100))}</p>
            )}
            {gateways.length === 0 ? (
              <Empty title={t.health.nobody}>{t.health.nobodyWhy}</Empty>
            ) : (
              <table class="rows">
                <thead>
                  <tr>
                    <th scope="col">{t.health.gateway}</th>
                    <th scope="col">{t.health.state}</th>
                    <th scope="col">{t.health.version}</th>
                    <th scope="col">{t.health.seen}</th>
                  </tr>
                </thead>
                <tbody>
                  {gateways.map(({ id, name, version, state, seen, self }) => (
                    <tr key={id}>
                      <th scope="row" data-label={t.health.gateway}>
                        {name}
                        {self && t.health.self}
                      </th>
                      <td data-label={t.health.state}>
                        <span class={`fate ${state === 'connected' ? 'allow' : 'block'}`}>{state}</span>
                      </td>
                      <td data-label={t.health.version}>{version}</td>
                      <td data-label={t.health.seen}>{fullTime(seen)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            )}
          </>
        )}
      </Loaded>
    </section>
  );
}

function Checkpoint({ status }: { status: Status }): JSX.Element {
  const { name, version, started, ready, preset, sites, requests, journal, alerts, fleet } = status;
  return (
    <dl class="facts">
      <Fact name={t.health.name}>{name}</Fact>
      <Fact name={t.health.version}>{version}</Fact>
      <Fact name={t.health.running}>
        {t.health.runningSince(fullTime(started), spanText(Date.now() - Date.parse(started)))}
      </Fact>
      <Fact name={t.health.ready}>{ready ? t.health.yes : t.health.no}</Fact>
      <Fact name={t.health.policy}>{t.health.preset(preset)}</Fact>
      <Fact name={t.health.sites}>{sites.join(', ')}</Fact>
      <Fact name={t.health.requests}>
        {t.health.counts(amount(requests.allow), amount(requests.flag), amount(requests.block))}
      </Fact>
      <Fact name={t.health.journal}>
        {journal === null ? (
          t.health.noJournal
        ) : journal.trouble !== null ? (
          <strong class="inline-trouble">{t.health.notWritten(journal.trouble, journal.unwritten)}</strong>
        ) : (
          `${t.health.written(journal.written)}${journal.file ? '' : t.health.memory}`
        )}
      </Fact>
      {journal !== null && journal.size !== null && (
        <Fact name={t.health.size}>
          <span class="meter" aria-hidden="true">
            <i style={{ width: `${Math.min(100, (journal.size / journal.maxSize) * 100)}%` }} />
          </span>
          {t.health.sizeOf(sizeText(journal.size), sizeText(journal.maxSize))}
          {journal.wal !== null && t.health.wal(sizeText(journal.wal))}
          {journal.file && t.health.schema(journal.schema)}
        </Fact>
      )}
      {journal !== null && journal.letGo.length > 0 && (
        <Fact name={t.health.letGo}>
          {journal.letGo.map(({ what, why, rows, until }) => (
            <div key={`${what} ${why}`}>
              {t.health.until(what, fullTime(until))}{' '}
              {why === 'size' ? t.health.noRoom(sizeText(journal.maxSize)) : t.health.tooOld}
              {t.health.rows(rows)}
            </div>
          ))}
        </Fact>
      )}
      <Fact name={t.health.alerts}>
        {alerts === null ? t.health.off : t.health.sent(alerts.sent, alerts.lost)}
      </Fact>
      {fleet !== null && <Fact name={t.health.fleetName}>{fleet}</Fact>}
    </dl>
  );
}

const Fact = ({ name, children }: { name: string; children: ComponentChildren }): JSX.Element => (
  <>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </>
);
