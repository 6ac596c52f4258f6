/** Alerts by mail, through the configured smarthost. */
import type { Transporter } from 'nodemailer';
import type { MailConfig } from '../config/alerts-config.ts';
import { type Channel, Undeliverable } from './channel.ts';
import type { AlertMessage } from './message.ts';

/** Milliseconds for each step of a delivery. */
const timeout = 15_000;

export function mail({ smarthost, from, to }: MailConfig): Channel {
  const url = new URL(smarthost);
  const secure = url.protocol === 'smtps:';
  const user = decodeURIComponent(url.username);
  const options = {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (secure ? 465 : 25) : Number(url.port),
    secure,
    ...(user === '' ? {} : { auth: { user, pass: decodeURIComponent(url.password) }, requireTLS: !secure }),
    connectionTimeout: timeout,
    greetingTimeout: timeout,
    socketTimeout: timeout,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
  let transport: Transporter | null = null;
  return {
    name: `mail ${url.host}`,
    async send(message) {
      try {
        // Loaded with the first message: most gateways never send one.
        transport ??= (await import('nodemailer')).createTransport(options);
        await transport.sendMail({
          from,
          to: [...to],
          subject: message.title.slice(0, 200),
          text: mailText(message),
          messageId: `<${message.id}@sekisho>`,
          // RFC 3834: prevents vacation replies.
          headers: { 'Auto-Submitted': 'auto-generated', 'X-Sekisho-Kind': message.kind },
          ...(message.level === 'trouble' ? { priority: 'high' as const } : {}),
        });
      } catch (error) {
        const { responseCode = 0 } = error as { responseCode?: number };
        if (responseCode >= 500) throw new Undeliverable((error as Error).message);
        throw error;
      }
    },
    close: () => transport?.close(),
  };
}

/** Short lines, most important first: it is read on a phone. */
const mailText = ({ title, lines, link, signed }: AlertMessage): string =>
  `${[title, '', ...lines, ...(link === null ? [] : [link]), '', signed].join('\n')}\n`;
