/** Alerts to services with their own API: ntfy, Gotify, Telegram, PagerDuty, Alertmanager. */
import type { AlertService } from '../config/alerts-config.ts';
import type { Channel } from './channel.ts';
import type { AlertMessage } from './message.ts';
import { type Poster, poster } from './post.ts';

const json = { 'content-type': 'application/json' } as const;
const text = ({ lines, title }: AlertMessage): string => lines.join('\n') || title;

export function service(config: AlertService): Channel {
  const { post, close } = poster();
  const name = `${config.kind} ${new URL(config.url).host}`;
  return { name, close, send: (message) => senders[config.kind](config, message, post) };
}

type Sender = (config: AlertService, message: AlertMessage, post: Poster['post']) => Promise<void>;

/** The key of an incident: the same for a failure and its end, so that a service can match them. */
const subjectOf = ({ from, kind, facts }: AlertMessage): string =>
  ['backend', 'journal', 'account', 'certificate', 'certificate-file', 'ocsp'].includes(kind)
    ? `sekisho ${from} ${kind} ${String(facts.name)}`
    : `sekisho ${from} ${kind === 'test' ? 'test' : 'probes'}`;

/** RFC 2047 encoding, which ntfy decodes: header values are ASCII. */
const headerText = (text: string): string =>
  /^[\x20-\x7e]*$/.test(text) ? text : `=?UTF-8?B?${Buffer.from(text).toString('base64')}?=`;

const senders: Readonly<Record<AlertService['kind'], Sender>> = {
  // https://docs.ntfy.sh/publish/: a message over 4096 bytes becomes an attachment.
  ntfy: ({ url }, message, post) => {
    const { username, password, origin, pathname } = new URL(url);
    const signIn = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
    return post(
      'ntfy',
      `${origin}${pathname}`,
      {
        'content-type': 'text/plain; charset=utf-8',
        title: headerText(message.title.slice(0, 250)),
        priority: { trouble: '4', notice: '3', relief: '2' }[message.level],
        tags: { trouble: 'rotating_light', notice: 'warning', relief: 'white_check_mark' }[message.level],
        ...(message.link === null ? {} : { click: message.link }),
        ...(username === '' && password === ''
          ? {}
          : { authorization: `Basic ${signIn.toString('base64')}` }),
      },
      Buffer.from(text(message)).subarray(0, 4000),
    );
  },

  // https://gotify.net/api-docs: the token is in the URL. Without the client::display extra the message is plain text.
  gotify: ({ url }, message, post) =>
    post(
      'Gotify',
      url,
      json,
      JSON.stringify({
        title: message.title,
        message: text(message),
        priority: { trouble: 8, notice: 5, relief: 3 }[message.level],
        ...(message.link === null
          ? {}
          : { extras: { 'client::notification': { click: { url: message.link } } } }),
      }),
    ),

  // https://core.telegram.org/bots/api#sendmessage: without parse_mode the text of an attacker is not parsed as markup.
  telegram: ({ url, chat, secret }, message, post) =>
    post(
      'Telegram',
      `${url.replace(/\/$/, '')}/bot${secret}/sendMessage`,
      json,
      JSON.stringify({
        chat_id: chat,
        text: `${`${message.title}\n\n${message.lines.join('\n')}`.slice(0, 3000)}${message.link === null ? '' : `\n\n${message.link}`}`,
        link_preview_options: { is_disabled: true },
        disable_notification: message.level === 'relief',
      }),
    ),

  // https://developer.pagerduty.com/docs/events-api-v2-overview: notices are not sent; trouble opens an incident, relief resolves it.
  pagerduty: async ({ url, secret }, message, post) => {
    if (message.level === 'notice' && message.kind !== 'test') return;
    const send = (action: 'trigger' | 'resolve') =>
      post(
        'PagerDuty',
        url,
        json,
        JSON.stringify({
          routing_key: secret,
          event_action: action,
          dedup_key: subjectOf(message).slice(0, 255),
          payload: {
            summary: message.title.slice(0, 1024),
            source: message.from,
            severity: message.level === 'trouble' ? 'critical' : 'info',
            timestamp: new Date(message.time).toISOString(),
            custom_details: { text: text(message) },
          },
          ...(message.link === null ? {} : { links: [{ href: message.link, text: 'the dashboard' }] }),
        }),
      );
    if (message.level !== 'relief') await send('trigger');
    if (message.level === 'relief' || message.kind === 'test') await send('resolve');
  },

  // POST /api/v2/alerts. Trouble lasts until relief, at most a day; a notice five minutes. The labels identify the alert.
  alertmanager: ({ url }, message, post) => {
    const lasts = { trouble: 86_400_000, notice: 300_000, relief: 0 }[message.level];
    const about = subjectOf(message);
    return post(
      'Alertmanager',
      `${url.replace(/\/$/, '')}/api/v2/alerts`,
      json,
      JSON.stringify([
        {
          labels: {
            alertname: 'Sekisho',
            instance: message.from,
            subject: about,
            severity: /^sekisho \S+ (?:probes|test)$/.test(about) ? 'warning' : 'critical',
          },
          annotations: { summary: message.title, description: text(message) },
          ...(message.level === 'relief' ? {} : { startsAt: new Date(message.time).toISOString() }),
          endsAt: new Date(message.time + lasts).toISOString(),
          ...(message.link === null ? {} : { generatorURL: message.link }),
        },
      ]),
    );
  },
};
