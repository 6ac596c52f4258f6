/** One client: its history and its latest events. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { api, type ClientAnswer } from '../api.ts';
import type { ViewProps } from '../app.tsx';
import { t } from '../language.ts';
import { BanButton, BanMark } from '../parts/ban.tsx';
import { Bars } from '../parts/bars.tsx';
import { EventList } from '../parts/event-list.tsx';
import { ReportButton } from '../parts/report.tsx';
import { Loaded } from '../parts/states.tsx';
import { TechniqueBars } from '../parts/technique-bars.tsx';
import { useResource } from '../resource.ts';
import { href } from '../route.ts';
import { amount, intentWords, originText, sourceText, zonedTime } from '../words.ts';

/** Events shown. */
const shown = 20;

export function ClientView({ live, id }: ViewProps & { id: string }): JSX.Element {
  const client = useResource((init) => api.client(id, init), [id]);
  const events = useResource((init) => api.events({ client: id, limit: shown }, init), [id]);
  const status = useResource(api.status, []);
  const off = (live.status ?? status.data)?.bans === null;
  const { reload } = client;
  useEffect(reload, [live.bans]);
  const name = sourceText(id);
  return (
    <>
      <section class="card">
        <p class="crumb">
          <a href={href('who')}>{t.who.title}</a> / {name}
        </p>
        <h1>{name}</h1>
        <Loaded of={client} lines={6}>
          {(data) => (
            <>
              <Facts client={data} address={name.split('/', 1)[0]!} />
              <div class="actions">
                <a class="button" href={href('events', { client: name })}>
                  {t.client.allEvents}
                </a>
                <ReportButton client={name} />
                {!off && data.bannedBy !== 'list' && (
                  <BanButton prefix={data.prefix} ban={data.bannedBy} onChange={reload} />
                )}
              </div>
            </>
          )}
        </Loaded>
      </section>
      {client.data !== null && (
        <div class="columns">
          <section class="card">
            <h2>{t.client.how}</h2>
            <TechniqueBars rules={client.data.rules} filter={{ client: id }} />
          </section>
          <section class="card">
            <h2>{t.client.after}</h2>
            <Bars
              bars={client.data.intents.map(({ intent, count }) => ({
                key: intent,
                label: intentWords(intent),
                count,
                href: href('events', { client: id, intent }),
              }))}
            />
          </section>
        </div>
      )}
      {client.data !== null && (
        <section class="card">
          <h2>{t.client.latest}</h2>
          <Loaded of={events}>{(page) => <EventList events={page.events} />}</Loaded>
        </section>
      )}
    </>
  );
}

function Facts({ client, address }: { client: ClientAnswer; address: string }): JSX.Element {
  const { prefix, block, first, last, count, listeners, bannedBy } = client;
  const origin = originText(client);
  return (
    <dl class="facts">
      <dt>{t.client.first}</dt>
      <dd>
        <time dateTime={first}>{zonedTime(first)}</time>
      </dd>
      <dt>{t.client.last}</dt>
      <dd>
        <time dateTime={last}>{zonedTime(last)}</time>
      </dd>
      <dt>{t.client.requests}</dt>
      <dd>
        {amount(count)} <BanMark prefix={prefix} by={bannedBy} />
      </dd>
      <dt>{t.client.cameIn}</dt>
      <dd>{listeners.map(({ listener }) => listener).join(', ')}</dd>
      <dt>{t.client.network}</dt>
      <dd>
        <a href={href('events', { client: block })}>{block}</a>
      </dd>
      {origin !== '' && (
        <>
          <dt>{t.client.from}</dt>
          <dd>{origin}</dd>
        </>
      )}
      <dt>{t.client.name}</dt>
      <dd>
        <Name address={address} />
      </dd>
    </dl>
  );
}

/** Queried only on a click: the owner of the reverse zone can see the query. */
function Name({ address }: { address: string }): JSX.Element {
  const [said, setSaid] = useState<string | null>(null);
  useEffect(() => setSaid(null), [address]);
  async function ask(): Promise<void> {
    setSaid('…');
    await api.name(address).then(
      ({ names }) => setSaid(names.length === 0 ? t.client.noName : names.join(', ')),
      (problem: Error) => setSaid(problem.message),
    );
  }
  return said === null ? (
    <>
      <button type="button" class="small" onClick={ask}>
        {t.client.ask}
      </button>{' '}
      <small>{t.client.askHelp}</small>
    </>
  ) : (
    <span role="status">{said}</span>
  );
}
