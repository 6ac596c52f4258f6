/** Messages by HTTP POST, in the shapes that chat services read. */
import { createHmac } from 'node:crypto';
import type { Agent } from 'undici';
import type { WebhookConfig } from '../config/config.ts';
import type { AlertMessage } from './message.ts';
import { type Channel, Undeliverable } from './outbox.ts';

/** Milliseconds for the whole exchange. */
const timeout = 10_000;

export function webhook({ url, style, secret }: WebhookConfig): Channel {
  let agent: Agent | null = null;
  return {
    name: `webhook ${new URL(url).host}`,
    async send(message) {
      const body = JSON.stringify(shapes[style](message));
      // Loaded for the first message: most gateways never send one.
      const undici = await import('undici');
      agent ??= new undici.Agent({ connect: { timeout }, headersTimeout: timeout, bodyTimeout: timeout });
      // No redirect is followed: nothing but the configured service is dialled.
      const response = await undici.request(url, {
        method: 'POST',
        dispatcher: agent,
        headers: {
          'content-type': 'application/json',
          'user-agent': 'sekisho',
          'x-sekisho-id': message.id,
          ...(secret === null ? {} : { 'x-sekisho-signature': signature(secret, body, Date.now()) }),
        },
        body,
      });
      await response.body.dump({ limit: 65_536 });
      const { statusCode } = response;
      if (statusCode >= 200 && statusCode < 300) return;
      const error = `the webhook answered ${statusCode}`;
      if (statusCode >= 500 || statusCode === 408 || statusCode === 429) throw new Error(error);
      throw new Undeliverable(error);
    },
    close: () => void agent?.destroy(),
  };
}

/**
 * `t=SECONDS,v1=HEX`: HMAC-SHA-256 of `SECONDS.BODY`. The time is signed too, so that a message can not be played again
 * later.
 *
 * @param now milliseconds since the epoch
 */
export function signature(secret: string, body: string, now: number): string {
  const time = Math.floor(now / 1000);
  return `t=${time},v1=${createHmac('sha256', secret).update(`${time}.${body}`).digest('hex')}`;
}

const colours = { trouble: 0xb7_28_2e, notice: 0xb5_7b_1d, relief: 0x2f_7d_54 } as const;

const shapes: Record<WebhookConfig['style'], (message: AlertMessage) => object> = {
  generic: (message) => ({ ...message, time: new Date(message.time).toISOString() }),

  slack: ({ title, lines, level }) => ({
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
        ],
      },
    ],
  }),

  discord: ({ title, lines, level, time }) => ({
    content: plain(title).slice(0, 256),
    embeds: [
      {
        description: plain(lines.join('\n')).slice(0, 4096),
        color: colours[level],
        timestamp: new Date(time).toISOString(),
      },
    ],
    // Whatever an attacker wrote, it rings nobody's phone.
    allowed_mentions: { parse: [] },
  }),

  teams: ({ title, lines, level }) => ({
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
        },
      },
    ],
  }),
};

/** Slack reads `<!channel>` and `<http://…>` in text. */
const slackText = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Markdown of Discord and of Adaptive Cards, taken as it is written. */
const plain = (text: string): string => text.replace(/[\\`*_~|[\]<>#]/g, '\\$&');
