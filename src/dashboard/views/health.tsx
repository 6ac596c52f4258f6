/** How the checkpoint and what stands behind it are. */
import type { ComponentChildren, JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { api, type Status } from '../api.ts';
import type { ViewProps } from '../app.tsx';
import { Empty, Loaded } from '../parts/states.tsx';
import { useResource } from '../resource.ts';
import { amount, fullTime, sizeText, spanText } from '../words.ts';

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
      <h1 class="hidden">Health</h1>
      <section class="card">
        <h2>Backends</h2>
        <Loaded of={backends}>
          {(data) =>
            data.backends.length === 0 ? (
              <Empty title="None to watch">The welcome page is served by the checkpoint itself.</Empty>
            ) : (
              <table class="rows">
                <thead>
                  <tr>
                    <th scope="col">Backend</th>
                    <th scope="col">State</th>
                    <th scope="col" class="number">
                      Requests now
                    </th>
                    <th scope="col" class="number">
                      Weight
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {data.backends.map(({ name, state, load, weight }, index) => (
                    <tr key={`${name} ${index}`}>
                      <th scope="row" data-label="Backend">
                        {name}
                      </th>
                      <td data-label="State">
                        <span class={`fate ${looks[state]}`}>{state}</span>
                      </td>
                      <td class="number" data-label="Requests now">
                        {amount(load)}
                      </td>
                      <td class="number" data-label="Weight">
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
      {known?.fleet != null && <FleetCard />}
      <section class="card">
        <h2>The checkpoint</h2>
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
      <h2>The fleet</h2>
      <Loaded of={fleet}>
        {({ fleet: own, gateways }) => (
          <>
            {own !== null && own.why !== '' && <p class="inline-trouble">{own.why}</p>}
            {own !== null && own.progress !== null && (
              <p class="lead">States are brought together: {Math.round(own.progress * 100)} %</p>
            )}
            {gateways.length === 0 ? (
              <Empty title="Nobody is heard of">While Valkey is away the others are not seen.</Empty>
            ) : (
              <table class="rows">
                <thead>
                  <tr>
                    <th scope="col">Gateway</th>
                    <th scope="col">State</th>
                    <th scope="col">Version</th>
                    <th scope="col">Last seen</th>
                  </tr>
                </thead>
                <tbody>
                  {gateways.map(({ id, name, version, state, seen, self }) => (
                    <tr key={id}>
                      <th scope="row" data-label="Gateway">
                        {name}
                        {self && ' (this one)'}
                      </th>
                      <td data-label="State">
                        <span class={`fate ${state === 'connected' ? 'allow' : 'block'}`}>{state}</span>
                      </td>
                      <td data-label="Version">{version}</td>
                      <td data-label="Last seen">{fullTime(seen)}</td>
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
      <Fact name="Name">{name}</Fact>
      <Fact name="Version">{version}</Fact>
      <Fact name="Running">
        since {fullTime(started)}, for {spanText(Date.now() - Date.parse(started))}
      </Fact>
      <Fact name="Ready">{ready ? 'yes' : 'no: it takes no requests'}</Fact>
      <Fact name="Policy">preset {preset}</Fact>
      <Fact name="Sites">{sites.join(', ')}</Fact>
      <Fact name="Requests">
        {amount(requests.allow)} passed, {amount(requests.flag)} flagged, {amount(requests.block)} turned away
        since the start
      </Fact>
      <Fact name="Journal">
        {journal === null ? (
          'none'
        ) : journal.trouble !== null ? (
          <strong class="inline-trouble">
            not written: {journal.trouble} ({amount(journal.unwritten)} events wait)
          </strong>
        ) : (
          `${amount(journal.written)} events written since the start${journal.file ? '' : ', in memory alone: journal: false stands in the config'}`
        )}
      </Fact>
      {journal !== null && journal.size !== null && (
        <Fact name="Journal size">
          <span class="meter" aria-hidden="true">
            <i style={{ width: `${Math.min(100, (journal.size / journal.maxSize) * 100)}%` }} />
          </span>
          {sizeText(journal.size)} of {sizeText(journal.maxSize)}
          {journal.wal !== null && `, write-ahead log ${sizeText(journal.wal)}`}
          {journal.file && `, schema ${journal.schema}`}
        </Fact>
      )}
      {journal !== null && journal.letGo.length > 0 && (
        <Fact name="Let go">
          {journal.letGo.map(({ what, why, rows, until }) => (
            <div key={`${what} ${why}`}>
              {what} until {fullTime(until)}:{' '}
              {why === 'size'
                ? `no room for them in ${sizeText(journal.maxSize)} (journal.maxSize)`
                : 'older than journal.keep'}
              , {amount(rows)} rows so far
            </div>
          ))}
        </Fact>
      )}
      <Fact name="Alerts">
        {alerts === null
          ? 'off'
          : `${amount(alerts.sent)} sent${alerts.lost > 0 ? `, ${amount(alerts.lost)} did not get through` : ''}`}
      </Fact>
      {fleet !== null && <Fact name="Fleet">{fleet}</Fact>}
    </dl>
  );
}

const Fact = ({ name, children }: { name: string; children: ComponentChildren }): JSX.Element => (
  <>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </>
);
