/** Texts for values, in the language of the page. */
import { say, t } from './language.ts';

const known = (words: Readonly<Record<string, string>>, id: string): string => words[id] ?? id;

/** A rule in a few words; its id if this page does not know it, as after an update of the gateway. */
export const techniqueWords = (rule: string): string => known(t.techniques, rule);

export const intentWords = (intent: string): string => known(t.intents, intent);

export const actionWords = (action: string): string => known(t.actions, action);

/** `once`, `12 times`. */
export const { times } = t;

export const answerWords = (answer: number | 'drop' | null): string =>
  answer === null ? t.event.passedOn : answer === 'drop' ? t.event.closed : t.event.status(answer);

export const { amount, short } = say;
/** `1.2 GiB`. */
export const sizeText = say.size;

/** `14:03:59` today, `24 Nov 14:03:59` before. */
export function timeText(iso: string | number): string {
  const time = new Date(iso);
  const today = time.toDateString() === new Date().toDateString();
  return today ? say.clock(time) : `${say.day(time)} ${say.clock(time)}`;
}

export const fullTime = (iso: string | number): string => say.full(new Date(iso));

/** With the time zone, to be found in logs: `27 Nov 2026, 14:03:59 UTC`. */
export const zonedTime = (iso: string): string => say.zoned(new Date(iso));

/** `15 minutes`, `hour`, `7 days`: as in "in the last …". @param ms milliseconds */
export function spanWords(ms: number): string {
  if (ms < 3_600_000) return t.span(ms / 60_000, 'minute');
  return ms <= 86_400_000 ? t.span(ms / 3_600_000, 'hour') : t.span(ms / 86_400_000, 'day');
}

/** `5 min`. @param ms milliseconds */
export const spanText = t.lasting;

/** A client in a list: for IPv6 the prefix, since one sender has all of it, and addresses are long. */
export const clientText = (client: string, prefix: string): string =>
  client.includes(':') ? prefix : client;

/** A Host line without its port. */
export const hostOf = (destination: string): string => destination.replace(/:\d*$/, '');

/** A /32 is shown as the address. */
export const sourceText = (prefix: string): string => prefix.replace(/\/32$/, '');

/** `AS64500 Example Net, Germany`; empty if unknown. */
export const originText = (origin: {
  readonly country: string | null;
  readonly asn: number | null;
  readonly network: string | null;
}): string => {
  const { country, asn, network } = origin;
  const system = [asn === null ? '' : `AS${asn}`, network ?? ''].filter((part) => part !== '').join(' ');
  return [system, country === null ? '' : say.country(country)].filter((part) => part !== '').join(', ');
};
