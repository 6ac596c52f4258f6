import type { Logger } from 'pino';
import type { EventSink, ProbeEvent } from './event.ts';

/**
 * One structured line an event. `msg` is for people and for log watchers such as fail2ban: it always reads
 * `relay probe ACTION: RULE from ADDRESS`, with what the sender wanted behind it.
 */
export const logEvents =
  (log: Logger): EventSink =>
  (event: ProbeEvent) => {
    // Under a flood a line that nobody is to read must cost nothing; not every logger that an app brings can tell.
    if (log.isLevelEnabled?.(event.action === 'block' ? 'warn' : 'info') === false) return;
    const { time: _, action, ...fields } = event;
    const line = `relay probe ${action === 'block' ? 'blocked' : 'flagged'}: ${event.rule} from ${event.client}. ${event.why}`;
    if (action === 'block') log.warn({ event: 'probe', action, ...fields }, line);
    else log.info({ event: 'probe', action, ...fields }, line);
  };
