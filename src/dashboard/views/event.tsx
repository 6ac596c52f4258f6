/** One event in full: the bytes, what is wrong with them, and the verdict of the current policy. */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { hostPort } from '../../address/host-port.ts';
import { type ApiEventInFull, api } from '../api.ts';
import type { ViewProps } from '../app.tsx';
import { t } from '../language.ts';
import { BanButton, BanMark } from '../parts/ban.tsx';
import { OursButton } from '../parts/ours.tsx';
import { ReportButton } from '../parts/report.tsx';
import { Loaded } from '../parts/states.tsx';
import { useResource } from '../resource.ts';
import { href, listFilters } from '../route.ts';
import {
  actionWords,
  answerWords,
  hostOf,
  intentWords,
  originText,
  sourceText,
  techniqueWords,
  times,
  zonedTime,
} from '../words.ts';

export function EventView({ live, id }: ViewProps & { id: string }): JSX.Element {
  const event = useResource((init) => api.event(id, init), [id]);
  const status = useResource(api.status, []);
  const off = (live.status ?? status.data)?.bans === null;
  const { reload } = event;
  const seen = useRef(live.bans);
  useEffect(() => {
    if (live.bans !== seen.current) reload();
    seen.current = live.bans;
  }, [live.bans]);
  const back = href('events', listFilters());
  if (event.data === null)
    return (
      <section class="card">
        <p class="crumb">
          <a href={back}>{t.events.title}</a>
        </p>
        <Loaded of={event} lines={10}>
          {() => null}
        </Loaded>
      </section>
    );
  return (
    <Loaded of={event}>{(data) => <Article event={data} back={back} off={off} onChange={reload} />}</Loaded>
  );
}

interface ArticleProps {
  readonly event: ApiEventInFull;
  /** The list the event was opened from. */
  readonly back: string;
  /** Bans are off. */
  readonly off: boolean;
  readonly onChange: () => void;
}

function Article({ event, back, off, onChange }: ArticleProps): JSX.Element {
  const { id, prefix, client, rule, destination, bannedBy } = event;
  const explained = t.event.explained(event.explained, rule);
  return (
    <article>
      <section class="card">
        <p class="crumb">
          <a href={back} aria-keyshortcuts="Escape">
            {t.events.title}
          </a>{' '}
          / {id}
        </p>
        <h1 class="verdict">{t.event.why(event.why, rule, destination)}</h1>
        <p class="event-summary">
          <span class={`fate ${event.action}`}>{actionWords(event.action)}</span> {answerWords(event.answer)}
          {event.count > 1 && ` · ${times(event.count)}`} <BanMark prefix={prefix} by={bannedBy} />
        </p>
        <Facts event={event} />
        <div class="actions">
          {rule === 'host-foreign' && destination !== null && <OursButton host={hostOf(destination)} />}
          <a class="button" href={href('events', { client: sourceText(prefix) })}>
            {t.event.allFrom(sourceText(prefix))}
          </a>
          {prefix !== 'several' && <ReportButton client={client} />}
          {prefix !== 'several' && !off && bannedBy !== 'list' && (
            <BanButton prefix={prefix} ban={bannedBy} onChange={onChange} />
          )}
        </div>
      </section>
      <section class="card">
        <h2>{t.event.cameIn}</h2>
        <Bytes event={event} />
      </section>
      <div class="columns">
        <section class="card">
          <h2>{t.event.rule}</h2>
          <p>
            <a class="tag" href={href('events', { rule })}>
              {rule}
            </a>
          </p>
          <dl class="facts">
            <dt>{t.event.seen}</dt>
            <dd>{explained.title}</dd>
            <dt>{t.event.sought}</dt>
            <dd>{explained.seeks}</dd>
            <dt>{t.event.reference}</dt>
            <dd>{event.explained.reference}</dd>
          </dl>
        </section>
        <section class="card">
          <h2>{t.event.now}</h2>
          <JudgedNow event={event} />
        </section>
      </div>
    </article>
  );
}

function Facts({ event }: { event: ApiEventInFull }): JSX.Element {
  const { time, last, client, prefix, listener, site, intent, destination, rules } = event;
  return (
    <dl class="facts">
      <dt>{t.event.time}</dt>
      <dd>
        <time dateTime={time}>{zonedTime(time)}</time>
        {zonedTime(time) !== zonedTime(last) && (
          <>
            {' '}
            {t.event.to} <time dateTime={last}>{zonedTime(last)}</time>
          </>
        )}
      </dd>
      <dt>{t.event.client}</dt>
      <dd>
        {prefix === 'several' ? client : <a href={href('client', {}, prefix)}>{client}</a>}{' '}
        {sourceText(prefix) !== client && <small>{t.event.countedAs(prefix)}</small>}
      </dd>
      {originText(event) !== '' && (
        <>
          <dt>{t.client.from}</dt>
          <dd>{originText(event)}</dd>
        </>
      )}
      <dt>{t.event.listener}</dt>
      <dd>{listener}</dd>
      <Connection event={event} />
      <dt>{t.event.for}</dt>
      <dd>{site ?? t.event.noSite}</dd>
      <dt>{t.event.after}</dt>
      <dd>
        {destination === null && intent === 'web' ? t.event.namedNothing : intentWords(intent)}
        {destination !== null && (
          <>
            : <code>{destination}</code>
          </>
        )}
      </dd>
      <dt>{t.event.rules}</dt>
      <dd>
        {rules.map((rule) => (
          <div key={rule}>
            {techniqueWords(rule)} <small>{rule}</small>
          </div>
        ))}
      </dd>
    </dl>
  );
}

function Connection({ event }: { event: ApiEventInFull }): JSX.Element {
  const { client, clientPort, localAddress, localPort, sni, command, credentialHash } = event;
  return (
    <>
      {clientPort != null && localAddress != null && (
        <>
          <dt>{t.event.ends}</dt>
          <dd>
            {hostPort(client, clientPort)} → {hostPort(localAddress, localPort ?? 0)}
          </dd>
        </>
      )}
      {sni != null && (
        <>
          <dt>{t.event.sni}</dt>
          <dd>
            <code>{sni}</code>
          </dd>
        </>
      )}
      {command != null && (
        <>
          <dt>{t.event.command}</dt>
          <dd>{command}</dd>
        </>
      )}
      {credentialHash != null && (
        <>
          <dt>{t.event.credentials}</dt>
          <dd>
            <code>{credentialHash}</code>
          </dd>
        </>
      )}
    </>
  );
}

type Signals = NonNullable<ApiEventInFull['judgedNow']>['signals'];

interface Piece {
  readonly text: string;
  readonly what: string | null;
}

/** The bytes, with the line breaks of the message, and the offending parts highlighted. */
function Bytes({ event }: { event: ApiEventInFull }): JSX.Element {
  const { bytes, judgedNow } = event;
  if (bytes === '') return <p class="lead">{t.event.nothingKept}</p>;
  const pieces = cut(bytes, judgedNow?.signals ?? []);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class="bytes" tabIndex={0} aria-label={t.event.bytes}>
      {pieces.map(({ text, what }, index) =>
        what === null ? (
          <span key={index}>{broken(text)}</span>
        ) : (
          <mark key={index} title={what}>
            {broken(text)}
          </mark>
        ),
      )}
    </section>
  );
}

/** Shows escaped line ends, and breaks the line there. */
const broken = (text: string): string => text.replace(/\\r\\n|\\n/g, (end) => `${end}\n`);

function cut(bytes: string, signals: Signals): Piece[] {
  const marks = signals
    .filter(({ start, end }) => end > start)
    .sort((a, b) => a.start - b.start || b.end - a.end);
  const pieces: Piece[] = [];
  let at = 0;
  for (const { start, end, what } of marks) {
    if (end <= at) continue;
    const begin = Math.max(start, at);
    if (begin > at) pieces.push({ text: bytes.slice(at, begin), what: null });
    pieces.push({ text: bytes.slice(begin, end), what });
    at = end;
  }
  pieces.push({ text: bytes.slice(at), what: null });
  return pieces;
}

/** Rules about the client, not about the bytes it sent. */
const byClient = new Set(['client-banned', 'rate-limited']);

function JudgedNow({ event }: { event: ApiEventInFull }): JSX.Element {
  if (event.judgedNow === null) return <p class="lead">{t.event.onlyHttp}</p>;
  const { verdict, rule, answer, why, signals } = event.judgedNow;
  if (!/^https? /.test(event.listener)) return <p class="lead">{t.event.decoy}</p>;
  const same = verdict === event.action && rule === event.rule;
  return (
    <>
      <p>
        <span class={`fate ${verdict}`}>{actionWords(verdict)}</span>{' '}
        {verdict === 'block' && `${answerWords(answer)}${t.event.separator}`}
        {same ? t.event.asThen : t.event.notAsThen}
      </p>
      {!same && <p>{why}</p>}
      {byClient.has(event.rule) && <p class="lead">{t.event.byBytes}</p>}
      <ul class="signals">
        {signals.map(({ rule: id, what, start }) => (
          <li key={`${id}${start}`}>
            <strong>{id}</strong> <span lang="en">{what}</span>
          </li>
        ))}
      </ul>
    </>
  );
}
