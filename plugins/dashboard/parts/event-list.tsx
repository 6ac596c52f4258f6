/** Events, a line each; on a phone a small card each. */
import type { JSX } from 'preact';
import type { LiveEvent } from '../api.ts';
import { href } from '../route.ts';
import { actionWords, amount, fullTime, timeText } from '../words.ts';

export const EventList = ({ events }: { events: readonly LiveEvent[] }): JSX.Element => (
  <ol class="events">
    {events.map((event) => (
      <li key={event.id ?? `${event.time}${event.client}${event.rule}`}>
        <EventLine event={event} />
      </li>
    ))}
  </ol>
);

function EventLine({ event }: { event: LiveEvent }): JSX.Element {
  const { id, last, client, request, rule, action, count } = event;
  const line = (
    <>
      <time class="event-time" dateTime={last} title={fullTime(last)}>
        {timeText(last)}
      </time>
      <span class="event-client">{client}</span>
      <code class="event-request">{request === '' ? '(no bytes)' : request}</code>
      <span class="event-rule">{rule}</span>
      <span class={`fate ${action}`}>{actionWords(action)}</span>
      <span class="event-count">
        {count > 1 ? <span title={`${amount(count)} like it`}>×{amount(count)}</span> : ''}
      </span>
    </>
  );
  return id === null ? (
    <span class="event">{line}</span>
  ) : (
    <a class="event" href={href('event', {}, String(id))}>
      {line}
    </a>
  );
}
