/** Alerts by HTTP POST, in the formats of chat services. */
import { createHmac } from 'node:crypto';
import type { WebhookConfig } from '../config/alerts-config.ts';
import type { Channel } from './channel.ts';
import type { AlertMessage } from './message.ts';
import { poster } from './post.ts';

/** @param place its place in the config, where there are several: `[1]` */
export function webhook({ url, style, secret }: WebhookConfig, place = ''): Channel {
  const { post, close } = poster();
  return {
    name: `webhook${place} ${new URL(url).host}`,
    async send(message) {
      const body = JSON.stringify(shapes[style](message));
      await post(
        'the webhook',
        url,
        {
          'content-type': 'application/json',
          'x-sekisho-id': message.id,
          ...(secret === null ? {} : { 'x-sekisho-signature': signature(secret, body, Date.now()) }),
        },
        body,
      );
    },
    close,
  };
}

/**
 * `t=SECONDS,v1=HEX`: HMAC-SHA-256 of `SECONDS.BODY`. The time is signed against replay.
 *
 * @param now milliseconds since the epoch
 */
export function signature(secret: string, body: string, now: number): string {
  const time = Math.floor(now / 1000);
  return `t=${time},v1=${createHmac('sha256', secret).update(`${time}.${body}`).digest('hex')}`;
}

const colours = { trouble: 0xb7_28_2e, notice: 0xb5_7b_1d, relief: 0x2f_7d_54 } as const;

const shapes: Record<WebhookConfig['style'], (message: AlertMessage) => object> = {
  generic: ({ signed: _, ...message }) => ({ ...message, time: new Date(message.time).toISOString() }),

  slack: ({ title, lines, level, link }) => ({
    text: slackText(title),
    attachments: [
      {
        color: `#${colours[level].toString(16)}`,
        fallback: slackText(title),
        blocks: [
          {
            type: 'section',
            text: { type: 'plain_text', text: lines.join('\n').slice(0, 3000) || '-', emoji: false },
          },
          ...(link === null
            ? []
            : [{ type: 'context', elements: [{ type: 'mrkdwn', text: `<${slackText(link)}>` }] }]),
        ],
      },
    ],
  }),

  discord: ({ title, lines, level, time, link }) => ({
    content: plain(title).slice(0, 256),
    embeds: [
      {
        description:
          plain(lines.join('\n')).slice(0, link === null ? 4096 : 3000) + (link === null ? '' : `\n${link}`),
        color: colours[level],
        timestamp: new Date(time).toISOString(),
      },
    ],
    // Text of an attacker such as @everyone must not notify anyone.
    allowed_mentions: { parse: [] },
  }),

  teams: ({ title, lines, level, link }) => ({
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          body: [
            {
              type: 'TextBlock',
              weight: 'Bolder',
              wrap: true,
              color: { trouble: 'Attention', notice: 'Warning', relief: 'Good' }[level],
              text: plain(title),
            },
            ...lines.map((line) => ({ type: 'TextBlock', wrap: true, spacing: 'Small', text: plain(line) })),
          ],
          ...(link === null ? {} : { actions: [{ type: 'Action.OpenUrl', title: 'Sekisho', url: link }] }),
        },
      },
    ],
  }),
};

/** Slack interprets `<!channel>` and `<http://…>` in text. */
const slackText = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Escapes the Markdown of Discord and of Adaptive Cards. */
const plain = (text: string): string => text.replace(/[\\`*_~|[\]<>#]/g, '\\$&');
