/** Turns events, bans and failures into messages to every configured receiver. */
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import type { AlertsConfig } from '../config/alerts-config.ts';
import type { FoldedEvent } from '../events/fold.ts';
import { noOrigin, type OriginOf } from '../geo/origin.ts';
import { AlertQueue } from './alert-queue.ts';
import type { Channel } from './channel.ts';
import { type Ban, Digest } from './digest.ts';
import { mail } from './mail.ts';
import type { TroubleKind } from './message.ts';
import { service } from './services.ts';
import { syslog } from './syslog.ts';
import { webhook } from './webhook.ts';

export interface AlertsOptions {
  readonly log: Logger;
  /** Rules seen before: no "first" alert for them. */
  readonly known?: Iterable<string>;
  /** @default every origin is unknown */
  readonly originOf?: OriginOf;
}

/** Milliseconds for pending deliveries at shutdown. */
const closeDeadline = 3000;

export class Alerts {
  readonly #digest: Digest;
  readonly #queues: readonly AlertQueue[];
  readonly #timer: NodeJS.Timeout;
  #sent = 0;
  #lost = 0;

  constructor(config: AlertsConfig, { log, known = [], originOf = noOrigin }: AlertsOptions) {
    this.#queues = channels(config).map(
      (channel) =>
        new AlertQueue({
          channel,
          onLost: (message, reason) => {
            this.#lost++;
            log.error({ channel: channel.name, reason }, `an alert was not delivered: ${message.title}`);
          },
        }),
    );
    this.#digest = new Digest({
      config,
      name: config.name === '' ? hostname() : config.name,
      known,
      originOf,
      emit: (message) => {
        this.#sent++;
        log.info({ event: 'alert', kind: message.kind }, message.title);
        for (const queue of this.#queues) queue.post(message);
      },
    });
    this.#timer = setInterval(() => this.#digest.tick(Date.now()), 1000).unref();
  }

  /** Alerts raised, and failed deliveries. */
  get status(): { readonly sent: number; readonly lost: number } {
    return { sent: this.#sent, lost: this.#lost };
  }

  /** Sets the journal id of an added row, for links. */
  recorded(row: FoldedEvent, id: number): void {
    this.#digest.recorded(row, id);
  }

  add(rows: readonly FoldedEvent[]): void {
    this.#digest.add(rows, Date.now());
  }

  ban(ban: Ban): void {
    this.#digest.ban(ban, Date.now());
  }

  /** @param reason null: it works again */
  trouble(kind: TroubleKind, name: string, reason: string | null): void {
    this.#digest.trouble(kind, name, reason, Date.now());
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#digest.close(Date.now());
    await Promise.all(this.#queues.map((queue) => queue.close(closeDeadline)));
  }
}

/** One channel per configured receiver. */
export const channels = ({
  webhooks,
  mail: mailConfig,
  syslog: target,
  services,
}: AlertsConfig): Channel[] => [
  ...webhooks.map((one, index) => webhook(one, webhooks.length === 1 ? '' : `[${index}]`)),
  ...services.map(service),
  ...(mailConfig === null ? [] : [mail(mailConfig)]),
  ...(target === null ? [] : [syslog(target)]),
];
