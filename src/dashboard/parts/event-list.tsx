/** A list of events: lines, or small cards on a phone. */
import type { JSX } from 'preact';
import type { LiveEvent } from '../api.ts';
import { t } from '../language.ts';
import { href } from '../route.ts';
import {
  actionWords,
  amount,
  clientText,
  fullTime,
  sourceText,
  techniqueWords,
  times,
  timeText,
} from '../words.ts';

export const EventList = ({ events }: { events: readonly LiveEvent[] }): JSX.Element => (
  <ol class="events">
    {events.map((event) => (
      <li key={event.id ?? `${event.time}${event.client}${event.rule}`}>
        <EventLine event={event} />
      </li>
    ))}
  </ol>
);

/** Element id of an event's line, to focus it when the event is closed. */
export const rowId = (id: string | number): string => `event-${id}`;

/** For host-foreign the Host comes first: it is the offending part, and not in the request line. */
const requestText = ({ request, rule, destination }: LiveEvent): string =>
  rule === 'host-foreign' && destination !== null ? `${destination}  ${request}` : request;

function EventLine({ event }: { event: LiveEvent }): JSX.Element {
  const { id, last, client, prefix, rule, action, count } = event;
  const request = requestText(event);
  const line = (
    <>
      <time class="event-time" dateTime={last} title={fullTime(last)}>
        {timeText(last)}
      </time>
      <span class="event-client" title={client}>
        {sourceText(clientText(client, prefix))}
      </span>
      <code class="event-request" title={request}>
        {request === '' ? t.events.noBytes : request}
      </code>
      <span class="event-rule" title={rule}>
        {techniqueWords(rule)}
      </span>
      <span class={`fate ${action}`}>{actionWords(action)}</span>
      <span class="event-count">{count > 1 ? <span title={times(count)}>×{amount(count)}</span> : ''}</span>
    </>
  );
  return id === null ? (
    <span class="event">{line}</span>
  ) : (
    <a class="event" id={rowId(id)} href={href('event', {}, String(id))}>
      {line}
    </a>
  );
}
